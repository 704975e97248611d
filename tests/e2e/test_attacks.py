"""Each attack of the table against one real server: during it and after it the others talk on as if it were not."""

from collections.abc import Iterator

import pytest

from .attacks import ATTACKS, Attack
from .bystanders import Bystanders, besieged
from .peers import Client
from .server import Server

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Bystanders]]:
    """One server for all, which does not slow anybody down: what is delayed harms nobody."""
    with besieged(tmp_path_factory.mktemp("server"), "--rate", "0", "--max-per-host", "0") as siege:
        # The first browser brings a web server into memory.
        browser = Client(siege[0], "browser")
        browser.sends(b"GET / HTTP/1.0\r\nHost: pi\r\n\r\n")
        browser.hears_the_end()
        browser.close()
        yield siege


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_others_notice_nothing(attack: Attack, siege: tuple[Server, Bystanders]) -> None:
    server, bystanders = siege
    listener = bystanders.listener
    begin = len(listener.bytes_heard)
    with bystanders.unharmed(attack.megabytes):
        mallory = Client(server, "mallory")
        try:
            suffer(attack, mallory)
            for text in attack.others_hear:
                listener.hears(text)
            if attack.enters:
                mallory.says("/quit" if attack.stays else "")
                mallory.ends_input()
        finally:
            mallory.close()
        if attack.enters and not attack.json:
            listener.hears(" left (")
    heard = listener.bytes_heard[begin:].decode()
    for text in attack.nobody_hears:
        assert text not in heard


def suffer(attack: Attack, mallory: Client) -> None:
    """Let it happen, and check what they are answered."""
    if attack.json:
        mallory.sends(b"/json\n")
        mallory.hears('"hello"')
    if attack.enters:
        mallory.sends(b"/nick mallory\n")
        mallory.hears('"history"' if attack.json else "If the line drops")
    for start in range(0, len(attack.sends), attack.piece or len(attack.sends)):
        mallory.sends(attack.sends[start : start + (attack.piece or len(attack.sends))])
    for answer in attack.hears:
        mallory.hears(answer)
    if attack.stays:
        mallory.sends(b"/ping over\n")
        mallory.hears("pong over", 60)
