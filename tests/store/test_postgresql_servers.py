"""Which of the servers of an address is asked: what becomes of several that are asked at once, and which one is left
for another."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from select import POLLIN
from socket import AF_INET, AF_INET6, socketpair
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'twisted-chat[postgres]'")

from psycopg import OperationalError  # they need it
from psycopg.conninfo import conninfo_to_dict

from chat.base.language import language
from chat.store.postgresql import servers
from chat.store.postgresql.connection import Link
from chat.store.postgresql.exchange import Steps, Unreachable, together
from chat.store.postgresql.opening import suits
from chat.store.postgresql.servers import Servers, Standing

HERE, THERE = 1, 2


class Line:
    """Somebody who is asked, and may answer."""

    def __init__(self) -> None:
        self._ours, self._theirs = socketpair()
        self.given_up = False

    def asked(self, count: int = 1) -> Steps[str]:
        """What they say, a byte after the other."""
        text = ""
        try:
            for _ in range(count):
                yield self._ours.fileno(), POLLIN
                text += self._ours.recv(1).decode()
        except GeneratorExit:
            self.given_up = True
            raise
        return text

    def says(self, text: str) -> None:
        self._theirs.sendall(text.encode())

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


@pytest.fixture
def two() -> Iterator[tuple[Line, Line]]:
    one, other = Line(), Line()
    yield one, other
    one.close()
    other.close()


def test_what_several_say_comes_in_the_order_in_which_they_were_asked(two: tuple[Line, Line]) -> None:
    one, other = two
    one.says("one")
    other.says("b")
    assert together([one.asked(3), other.asked()], 10) == ["one", "b"]


def test_who_says_nothing_for_so_long_is_given_up(two: tuple[Line, Line]) -> None:
    one, other = two
    other.says("b")
    silent, said = together([one.asked(), other.asked()], 0)
    assert (type(silent), said, one.given_up) == (TimeoutError, "b", True)


def test_when_one_will_do_the_others_have_a_moment_more_alone(two: tuple[Line, Line]) -> None:
    one, other = two
    other.says("b")
    silent, said = together([one.asked(), other.asked()], 1000, lambda said: said == "b", 0)
    assert (type(silent), said, one.given_up) == (TimeoutError, "b", True)


def test_one_that_fails_leaves_the_others(two: tuple[Line, Line]) -> None:
    def failing() -> Generator[tuple[int, int], None, str]:
        raise OperationalError("gone")
        yield 0, 0

    two[0].says("a")
    failed, said = together([failing(), two[0].asked()], 10)
    assert (str(failed), said) == ("gone", "a")


def test_a_server_is_left_once_a_later_timeline_of_the_same_system_was_seen() -> None:
    known = Servers("postgresql://chat@db1,db2/chat")
    assert not known.has_later(Standing(HERE, 1, False))
    known.know(Standing(HERE, 2, False))
    known.know(Standing(HERE, 1, False))
    assert known.has_later(Standing(HERE, 1, False))
    assert not known.has_later(Standing(HERE, 2, False))
    # A new database, such as one of a newer version, counts anew.
    assert not known.has_later(Standing(THERE, 1, False))


@contextmanager
def dialled(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Iterator[list[dict[str, Any]]]:
    """The parts of each address that libpq would be given, where a name has these; nobody answers."""
    places: list[dict[str, Any]] = []

    def resolved(name: str, port: str | None, **how: object) -> list[tuple[object, ...]]:
        return [(AF_INET6 if ":" in where else AF_INET, 1, 6, "", (where, port)) for where in addresses]

    def start(place: bytes) -> Any:
        places.append(dict(conninfo_to_dict(place.decode())))
        raise OperationalError("refused")

    monkeypatch.setattr(servers, "getaddrinfo", resolved)
    monkeypatch.setattr(servers, "pq", SimpleNamespace(PGconn=SimpleNamespace(connect_start=start)))
    yield places


def test_all_addresses_of_all_hosts_are_tried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch, "::1", "127.0.0.1") as places:
        one, other = Servers("postgresql://chat@db1:1,db2:2/chat").ask()
    tried = [(place["host"], place["port"], place["hostaddr"]) for place in places]
    assert tried == [("db1", "1", "::1"), ("db1", "1", "127.0.0.1"), ("db2", "2", "::1"), ("db2", "2", "127.0.0.1")]
    for answer in (one, other):
        assert isinstance(answer, Unreachable)
        assert language("en").words(answer.reason) == "refused"


def test_where_no_host_will_do_each_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch, "127.0.0.1"), pytest.raises(Unreachable) as caught:
        Link(Servers("postgresql://chat@db1,db2:2/chat"), suits).ask("SELECT 1")
    assert language("en").words(caught.value.reason) == "db1: refused; db2:2: refused"
    with dialled(monkeypatch, "127.0.0.1"), pytest.raises(Unreachable) as caught:
        Link(Servers("postgresql://chat@db1/chat"), suits).ask("SELECT 1")
    assert language("en").words(caught.value.reason) == "refused"


def test_a_socket_of_this_machine_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with dialled(monkeypatch) as places:
        Servers("postgresql:///chat?host=/run/postgresql").ask()
    assert [(place["host"], place.get("hostaddr")) for place in places] == [("/run/postgresql", None)]


def test_where_no_host_is_named_those_of_the_environment_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "/one,/other")
    with dialled(monkeypatch) as places:
        Servers("postgresql:///chat").ask()
    assert [place["host"] for place in places] == ["/one", "/other"]


def test_a_host_whose_name_is_not_known_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str, port: str | None, **how: object) -> Any:
        raise OSError(-2, "Name or service not known")

    with dialled(monkeypatch) as places:
        monkeypatch.setattr(servers, "getaddrinfo", unknown)
        answer, _ = Servers("postgresql:///chat?host=nowhere,/there").ask()
    assert isinstance(answer, Unreachable)
    assert language("en").words(answer.reason) == "Name or service not known"
    assert [place["host"] for place in places] == ["/there"]
    with dialled(monkeypatch):
        monkeypatch.setattr(servers, "getaddrinfo", unknown)
        (answer,) = Servers("postgresql://nowhere/chat").ask()
    assert isinstance(answer, Unreachable)
    assert language("en").words(answer.reason) == "nowhere: Name or service not known"
