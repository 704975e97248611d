"""The metrics port: what is served there is what the docs say, and names nobody."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, globalLogPublisher
from world import World

from chat.base import limits
from chat.base.errors import Unfit
from chat.server.log_counts import LogCounts

pytest.importorskip("prometheus_client")

from prometheus_client.parser import text_string_to_metric_families

from chat.server.metrics import site
from chat.server.options import Options

DOCS = Path(__file__).parents[2] / "docs"
CANARIES = ("xyzzy", "plugh", "192.0.2.77")
"""A nickname, a room, an address."""


def get(factory: IProtocolFactory, request: bytes = b"GET /metrics HTTP/1.0\r\n\r\n") -> tuple[bytes, str]:
    """The head and the body of the answer."""
    transport = StringTransport()
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    protocol.dataReceived(request)
    head, _, body = transport.value().partition(b"\r\n\r\n")
    return head.splitlines()[0], body.decode()


@pytest.fixture
def world() -> World:
    """Somebody of each kind, who said something."""
    world = World()
    world.connect("/nick xyzzy", "/join #plugh", "hi", "/topic plugh", host="192.0.2.77")
    world.enter("xyzzy2", "/msg xyzzy psst", "/me waves", wire="json")
    world.enter("xyzzy3").cut()
    world.connect(host="192.0.2.77")
    return world


def samples(world: World) -> dict[tuple[str, str], float]:
    """What is served, by name and label."""
    _, body = get(site(world.hub))
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_it_is_what_is_so_just_now(world: World) -> None:
    served = samples(world)
    assert served["chat_people", "here"] == 2
    assert served["chat_people", "down"] == 1
    assert served["chat_sessions", "json"] == served["chat_sessions", "plain"] == served["chat_nameless", ""] == 1
    assert served["chat_rooms", ""] == 3
    assert served["chat_lines_total", ""] == 3
    assert served["chat_log_entries_total", "warn"] == 2
    assert served["chat_turn_seconds_count", ""] == served["chat_turn_seconds_bucket", "+Inf"] > 3
    world.enter("amy", "one more")
    assert samples(world)["chat_lines_total", ""] == 4


def test_nobody_and_nothing_is_named(world: World) -> None:
    _, body = get(site(world.hub))
    assert not any(canary in body for canary in CANARIES)
    labels = {name for sample in re.findall(r"{(.*)}", body) for name in re.findall(r'(\w+)="', sample)}
    assert labels == {"version", "node", "state", "wire", "le", "part", "level"}


@pytest.mark.parametrize("page", ["operating.md", "operating.es.md"])
def test_the_table_in_the_docs_is_what_is_served(page: str, world: World) -> None:
    text = (DOCS / page).read_text("utf-8")
    told = set(re.findall(r"^\| `((?:chat|process)_\w+)", text, re.M))
    _, body = get(site(world.hub))
    served = {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"^(\w+)[ {]", body, re.M)}
    # Of a store without a disk nothing is free.
    assert told == served | {"chat_store_free_bytes"}
    for name in served:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}"))
        labels = set(re.findall(r"(\w+)=", "".join(re.findall(rf"^{name}(?:_bucket)?{{(.*)}}", body, re.M))))
        assert labels - {"le"} == set(re.findall(r"(\w+)=", row.split("|")[1])), row


def test_elsewhere_is_nothing_and_nothing_is_taken(world: World) -> None:
    factory = site(world.hub)
    assert get(factory, b"GET / HTTP/1.0\r\n\r\n")[0].split()[1] == b"404"
    head, _ = get(factory, b"POST /metrics HTTP/1.0\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
    assert head.split()[1] == b"405"


def test_so_many_connections_are_taken(world: World) -> None:
    factory = site(world.hub)
    protocols = [factory.buildProtocol(None) for _ in range(limits.METRICS_CLIENTS)]
    for protocol in protocols:
        protocol.makeConnection(StringTransport())
    assert factory.buildProtocol(None) is None


def test_a_store_with_a_disk_tells_what_is_free(world: World) -> None:
    state = world.store.state()
    world.store.state = lambda: state._replace(kind="sqlite", free=5, journal=7, waiting=9)
    served = samples(world)
    assert served["chat_store_free_bytes", ""] == 5
    assert (served["chat_store_bytes", "journal"], served["chat_store_waiting", ""]) == (7, 9)


@contextmanager
def counting() -> Iterator[LogCounts]:
    counts = LogCounts()
    counts.start()
    try:
        yield counts
    finally:
        counts.stop()


def test_entries_of_the_log_are_counted_by_level() -> None:
    logger = Logger()
    with counting() as counts:
        logger.info("nothing")
        logger.warn("a little")
        logger.error("much")
        logger.error("much")
        assert counts.by_level == {"warn": 1, "error": 2, "critical": 0}
    logger.warn("later")
    assert counts.by_level["warn"] == 1
    assert counts not in globalLogPublisher._observers


def test_without_prometheus_client_one_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.server.options.find_spec", lambda name: None)
    with pytest.raises(Unfit) as missing:
        Options().read(["--metrics-port", "9100"])
    assert str(missing.value) == "--metrics-port: it needs prometheus-client: pip install 'twisted-chat[metrics]'"
    Options().read([])
