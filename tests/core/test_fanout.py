"""Readers at the head of a log: the same bytes for all who may have the same, each chunk encoded once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from socket import socket, socketpair
from unittest.mock import patch

import pytest
from full import drain, fill
from hypothesis import given
from hypothesis import strategies as st
from world import Logged, broken

from chat.base import limits
from chat.base.language import language
from chat.base.text import visible
from chat.core.fanout import Fanout, fanout
from chat.log.events import Author, Entry, Fact, Joined, Left, Message, Renamed, TopicSet
from chat.log.log import Log
from chat.log.tail import Tails
from chat.wire.json_wire import JsonFormat
from chat.wire.plain import PlainFormat
from chat.wire.rendering import Rendering, pages

AT = datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
AMY, BOB = Author("p1", "amy", "amy"), Author("p2", "bob", "bob")


class Format:
    """Encodes texts as they are, and counts."""

    echoes = False
    keeps_list = False

    def __init__(self, folds: bool = False) -> None:
        self.folds = folds
        self.encoded = 0

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        self.encoded += 1
        text = getattr(entry.fact, "text", "") or type(entry.fact).__name__
        return f"{log.name + ' ' if named else ''}{text};".encode()


@dataclass(eq=False)
class Sealing:
    """A connection that is given its bytes together with others of its kind."""

    given: list[bytes] = field(default_factory=list)
    calls: int = 0
    bug: type[Exception] | None = None

    def send_to_all(self, connections: "Sequence[Sealing]", chunk: bytes) -> None:
        self.calls += 1
        if self.bug is not None:
            raise self.bug
        for connection in connections:
            connection.given.append(chunk)


@dataclass(eq=False)
class Reader:
    id: str
    rendering: Rendering
    picky: bool = False
    ignored: set[str] = field(default_factory=set)
    chunks: list[bytes] = field(default_factory=list)
    full: Callable[[], object] | None = None
    direct: "socket | Sealing | None" = None
    aborted: bool = False

    def send(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        if self.full:
            self.full()

    def broken(self) -> None:
        self.aborted = True

    def wants(self, log: Log, entry: Entry) -> bool:
        author = entry.fact.author
        return author is None or (author.session != self.id and author.nick not in self.ignored)


def looks(format: Format, named: bool = False, quiet: bool = False) -> Rendering:
    return Rendering(format, named, quiet, False)


def a_log() -> Log:
    return Log("#lobby", "#lobby", Tails())


def extend(log: Log, *facts: Fact) -> None:
    log.extend([Entry(seq, AT, fact) for seq, fact in enumerate(facts, log.head + 1)])


def says(text: str, author: Author = AMY) -> Message:
    return Message(author, text)


def readers(log: Log, format: Format, *ids: str) -> list[Reader]:
    made = [Reader(id, looks(format)) for id in ids]
    for reader in made:
        fanout(log).add(reader)
    return made


def test_a_turn_is_one_chunk_for_each_reader_and_encoded_once() -> None:
    log, format = a_log(), Format()
    one, other = readers(log, format, "x", "y")
    extend(log, says("a"), says("b"), says("c"))
    assert one.chunks == other.chunks == [b"a;b;c;"]
    assert one.chunks[0] is other.chunks[0]
    assert format.encoded == 3


def test_each_rendering_is_encoded_for_itself() -> None:
    log, format = a_log(), Format()
    plain = Reader("x", looks(format))
    named = Reader("y", looks(format, named=True))
    for reader in (plain, named):
        fanout(log).add(reader)
    extend(log, says("a"))
    assert (plain.chunks, named.chunks) == ([b"a;"], [b"#lobby a;"])


def test_authors_do_not_get_what_they_said() -> None:
    log = a_log()
    amy, bob, carl = readers(log, Format(), "amy", "bob", "carl")
    extend(log, says("a", AMY), says("b", BOB), says("c", AMY))
    assert (amy.chunks, bob.chunks, carl.chunks) == ([b"b;"], [b"a;c;"], [b"a;b;c;"])


def test_nothing_is_sent_to_one_for_whom_nothing_is_left() -> None:
    log = a_log()
    (amy,) = readers(log, Format(), "amy")
    extend(log, says("a", AMY))
    assert amy.chunks == []


def test_a_picky_reader_is_asked_for_each_entry() -> None:
    log, format = a_log(), Format()
    picky = Reader("x", looks(format), picky=True, ignored={"amy"})
    fanout(log).add(picky)
    (other,) = readers(log, format, "y")
    extend(log, says("a", AMY), says("b", BOB))
    assert (picky.chunks, other.chunks) == ([b"b;"], [b"a;b;"])
    assert format.encoded == 2


def test_quiet_readers_get_topics_and_names_but_not_who_comes_and_goes() -> None:
    log, format = a_log(), Format()
    quiet = Reader("x", looks(format, quiet=True))
    fanout(log).add(quiet)
    extend(log, Joined(AMY, ("amy",), 1), says("a"), TopicSet(AMY, "tea"), Renamed(AMY, "dee", "f", ("#lobby",)))
    extend(log, Left(AMY, ("dee",), 0))
    assert quiet.chunks == [b"a;tea;Renamed;"]


def test_where_facts_are_folded_everybody_is_asked_for_one_that_stands_in_several_rooms() -> None:
    class Elsewhere(Reader):
        def wants(self, log: Log, entry: Entry) -> bool:
            return not isinstance(entry.fact, Renamed)

    log = a_log()
    folds = Elsewhere("x", looks(Format(folds=True), named=True))
    gets = Elsewhere("y", looks(Format(folds=False), named=True))
    for reader in (folds, gets):
        fanout(log).add(reader)
    extend(log, says("a"), Renamed(AMY, "dee", "f", ("#lobby", "#ops")))
    assert folds.chunks == [b"#lobby a;"]
    assert gets.chunks == [b"#lobby a;#lobby Renamed;"]


def test_whoever_leaves_takes_the_shared_position_along_and_gets_no_more() -> None:
    log = a_log()
    (reader,) = readers(log, Format(), "x")
    extend(log, says("a"), says("b"))
    assert fanout(log).remove(reader) == 2
    extend(log, says("c"))
    assert reader.chunks == [b"a;b;"]
    assert fanout(log).remove(reader) is None


def test_a_fanout_begins_at_the_head_of_its_log() -> None:
    log = a_log()
    extend(log, says("a"))
    assert fanout(log).position == 1
    assert fanout(log) is fanout(log)


def test_one_who_is_full_leaves_with_the_page_and_the_others_get_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_BYTES", 2 * (limits.FRAME + 1))
    log = a_log()
    slow, amy, other = readers(log, Format(), "slow", "amy", "other")
    positions = []
    slow.full = lambda: positions.append(fanout(log).remove(slow))
    extend(log, *(says(text, BOB) for text in "abcde"))
    assert (slow.chunks, positions) == ([b"a;b;"], [2])
    assert amy.chunks == other.chunks == [b"a;b;", b"c;d;", b"e;"]


def test_an_author_who_is_full_leaves_with_the_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_BYTES", 2 * (limits.FRAME + 1))
    log = a_log()
    amy, other = readers(log, Format(), "amy", "other")
    positions = []
    amy.full = lambda: positions.append(fanout(log).remove(amy))
    extend(log, says("a", AMY), says("b", BOB), says("c", BOB), says("d", BOB))
    assert (amy.chunks, positions) == ([b"b;"], [2])
    assert other.chunks == [b"a;b;", b"c;d;"]


@pytest.mark.parametrize("author", ["amy", "bad"])
def test_a_reader_that_raises_costs_nobody_else_an_entry(author: str, logged: Logged) -> None:
    log = a_log()
    bad, *good = readers(log, Format(), "bad", "y", "z")
    bad.full = broken
    extend(log, says("a", Author("p", author, author)), says("b", BOB))
    assert [reader.chunks for reader in good] == [[b"a;b;"], [b"a;b;"]]
    assert (bad.aborted, good[0].aborted) == (True, False)
    logged.expect(ZeroDivisionError)


@pytest.mark.parametrize("author", ["amy", "direct"])
def test_who_has_a_socket_is_given_there_what_all_get_and_is_sent_the_rest(author: str) -> None:
    log = a_log()
    ours, theirs = socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        direct, other = Reader("direct", looks(Format()), direct=ours), Reader("other", looks(Format()))
        for reader in (direct, other):
            fanout(log).add(reader)
        full = fill(ours)
        extend(log, says("a", Author("p", author, author)), says("b", BOB))
        assert (direct.chunks, other.chunks) == ([b"b;" if author == "direct" else b"a;b;"], [b"a;b;"])
        drain(theirs, full)
        extend(log, says("c"))
        assert theirs.recv(100) == b"c;"


def test_where_nobody_knows_who_has_got_it_they_come_again_and_others_notice_nothing(logged: Logged) -> None:
    log = a_log()
    ours, theirs = socketpair()
    with ours, theirs, patch("chat.core.fanout.send_to_all", side_effect=MemoryError):
        direct, other = Reader("direct", looks(Format()), direct=ours), Reader("other", looks(Format()))
        for reader in (direct, other):
            fanout(log).add(reader)
        extend(log, says("a"))
    assert (direct.aborted, other.aborted, other.chunks) == (True, False, [b"a;"])
    logged.expect(MemoryError)


def test_those_whose_bytes_are_encrypted_are_given_what_all_get_together_and_the_rest_by_their_own_way_out() -> None:
    log = a_log()
    alike = looks(Format())
    sealed = [Reader(id, alike, direct=Sealing()) for id in ("amy", "cat", "dan")]
    other = Reader("other", alike)
    for reader in (*sealed, other):
        fanout(log).add(reader)
    extend(log, says("a"), says("b", BOB))
    fanout(log).remove(sealed[2])
    extend(log, says("c", BOB))
    amy, cat, dan = (reader.direct for reader in sealed)
    assert isinstance(cat, Sealing)
    assert isinstance(amy, Sealing)
    assert isinstance(dan, Sealing)
    assert (sealed[0].chunks, amy.given) == ([b"b;"], [b"c;"])
    assert (sealed[1].chunks, cat.given) == ([], [b"a;b;", b"c;"])
    assert (sealed[2].chunks, dan.given) == ([], [b"a;b;"])
    assert amy.calls + cat.calls + dan.calls == 2
    assert other.chunks == [b"a;b;", b"c;"]


def test_where_what_encrypts_has_a_bug_it_costs_those_their_connection_and_no_others(logged: Logged) -> None:
    log = a_log()
    alike = looks(Format())
    sealed = [Reader(id, alike, direct=Sealing(bug=ZeroDivisionError)) for id in ("cat", "dan")]
    ours, theirs = socketpair()
    with ours, theirs:
        others = [Reader("other", alike), Reader("direct", alike, direct=ours)]
        for reader in (*sealed, *others):
            fanout(log).add(reader)
        extend(log, says("a"))
        assert theirs.recv(100) == b"a;"
    assert [reader.aborted for reader in (*sealed, *others)] == [True, True, False, False]
    assert others[0].chunks == [b"a;"]
    logged.expect(ZeroDivisionError)


def test_who_leaves_is_given_nothing_more() -> None:
    log = a_log()
    ours, theirs = socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        direct = Reader("direct", looks(Format()), direct=ours)
        fanout(log).add(direct)
        extend(log, says("a"))
        fanout(log).remove(direct)
        extend(log, says("b"))
        assert theirs.recv(100) == b"a;"


_TEXTS = st.text(st.characters(exclude_characters='"\\\t'), max_size=200) | st.text(
    st.sampled_from("x☃\U0001f600"), min_size=500, max_size=1500
)


@given(st.lists(_TEXTS, min_size=1, max_size=40))
def test_pages_hold_all_entries_in_order_and_are_no_longer_on_any_wire(texts: list[str]) -> None:
    found = [Entry(seq, AT, says(visible(text))) for seq, text in enumerate(texts, 1)]
    with patch.object(limits, "PAGE_BYTES", 3000):
        made = list(pages(found))
    assert [entry for page in made for entry in page] == found
    assert all(made)
    log = a_log()
    for rendering in (
        looks(PlainFormat(language("en"))),
        looks(JsonFormat(language("en")), named=True),
    ):
        lengths = [len(b"".join(rendering.pieces(log, page))) for page in made]
        assert all(length <= 3000 or len(page) == 1 for length, page in zip(lengths, made, strict=True))


def test_nothing_is_one_empty_page() -> None:
    assert list(pages([])) == [[]]


def test_a_fanout_reads_on_from_where_it_was_made() -> None:
    log = a_log()
    extend(log, says("a"))
    (reader,) = readers(log, Format(), "x")
    extend(log, says("b"))
    assert reader.chunks == [b"b;"]
    assert isinstance(log.readers, Fanout)
