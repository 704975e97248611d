"""What every store does, and that they all answer alike."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from database import AMY, BOB, CARL, MINUTE, ON_DISK, START, Reactor, batch, lines, log, private
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import maybeDeferred

from chat.base import limits
from chat.core.ports import (
    Appended,
    Duplicates,
    Found,
    Known,
    LineId,
    Numbered,
    Place,
    Query,
    Redaction,
    Store,
    Stretch,
)
from chat.log.events import Action, Entry, Fact, Joined, Message
from chat.log.redaction import Speaker
from chat.log.unread import Listener, Unread
from chat.store.memory import MemoryStore


class Memory(Reactor):
    """The memory store, driven as the other one is."""

    def __init__(self) -> None:
        super().__init__()
        self.store: Store = MemoryStore()


@pytest.fixture(params=["memory", *ON_DISK])
def held(request: pytest.FixtureRequest, opened_as: Any) -> Iterator[Any]:
    """A store of each kind."""
    if request.param == "memory":
        yield Memory()
    else:
        with opened_as(request.param) as database:
            yield database


def commit(held: Any, *appended: Appended, **more: Any) -> None:
    held.wait(maybeDeferred(held.store.commit, batch(*appended, **more)))


def after(held: Any, key: str, position: int, most: int = 100) -> Sequence[Entry]:
    entries: Sequence[Entry] = held.wait(held.store.after(key, position, most))
    return entries


def found(held: Any, *keys: str, most: int = 100, **more: Any) -> Found:
    result: Found = held.wait(held.store.said(Query(keys, most, **more)))
    return result


def texts(found: Found) -> list[str]:
    return [getattr(entry.fact, "text", "") for _, entry in found.entries]


def test_what_was_committed_is_read_in_order(held: Any) -> None:
    first, second = lines("one", "two"), lines("three", first=3)
    commit(held, first)
    commit(held, second)
    assert after(held, "#lobby", 0) == [*first.entries, *second.entries]


def test_a_batch_is_numbered_as_was_proposed_where_nobody_else_writes(held: Any) -> None:
    mine = batch(lines("one", "two"), lines("another room", first=7, key="#ops"))
    assert held.wait(maybeDeferred(held.store.commit, mine)) == Numbered(mine.proposed.at, {"#lobby": 1, "#ops": 7})


def test_a_page_begins_behind_a_position_and_has_a_limit(held: Any) -> None:
    commit(held, lines("one", "two", "three", "four"))
    assert [entry.seq for entry in after(held, "#lobby", 1, most=2)] == [2, 3]


@pytest.mark.parametrize("position", [4, 5, 2**36, 2**63, 2**80])
def test_behind_the_head_is_nothing(held: Any, position: int) -> None:
    commit(held, lines("one", "two", "three", "four"), lines("another room", key="#ops"))
    assert after(held, "#lobby", position) == []


def test_a_log_that_nobody_wrote_to_is_empty(held: Any) -> None:
    assert after(held, "#nowhere", 0) == []
    assert found(held, "#nowhere") == Found([], 0)


def test_an_empty_batch_is_kept(held: Any) -> None:
    commit(held)


def test_a_log_that_is_not_recorded_keeps_nothing(held: Any) -> None:
    commit(held, lines("secret", key="#ops", recorded=False))
    assert after(held, "#ops", 0) == []
    assert found(held, "#ops", words="secret") == Found([], 0)


def test_a_log_that_is_recorded_again_has_a_gap(held: Any) -> None:
    commit(held, lines("one"))
    commit(held, lines("two", "three", first=2, recorded=False))
    commit(held, lines("four", first=4))
    assert [entry.seq for entry in after(held, "#lobby", 0)] == [1, 4]
    assert [entry.seq for entry in after(held, "#lobby", 1)] == [4]
    assert [entry.seq for entry in after(held, "#lobby", 2)] == [4]


def test_history_is_what_people_said(held: Any) -> None:
    commit(held, log("#lobby", [Joined(AMY, ("amy",), 1), Message(AMY, "hello"), Action(AMY, "waves")]))
    assert texts(found(held, "#lobby")) == ["hello", "waves"]


def test_history_is_the_last_of_it_and_how_much_there_is(held: Any) -> None:
    commit(held, lines("one", "two", "three", "four"))
    result = found(held, "#lobby", most=2)
    assert (texts(result), result.total) == (["three", "four"], 4)


def test_history_before_a_number(held: Any) -> None:
    commit(held, lines("one", "two", "three", "four"))
    result = found(held, "#lobby", most=2, before=4)
    assert (texts(result), result.total) == (["two", "three"], 3)


@pytest.mark.parametrize(("before", "count"), [(-1, 0), (0, 0), (1, 0), (2, 1), (2**36, 4), (2**63, 4), (2**80, 4)])
def test_history_before_any_number(held: Any, before: int, count: int) -> None:
    commit(held, lines("one", "two", "three", "four"), lines("another room", key="#ops"))
    assert found(held, "#lobby", before=before).total == count


def test_history_since_a_moment_includes_it(held: Any) -> None:
    commit(held, lines("one", "two", "three"))
    assert texts(found(held, "#lobby", since=START + MINUTE)) == ["two", "three"]
    assert texts(found(held, "#lobby", since=START + MINUTE + timedelta(microseconds=1))) == ["three"]


def test_history_of_several_logs_is_in_the_order_of_time(held: Any) -> None:
    commit(held, lines("one", "three"), lines("two", key="#ops", at=START + MINUTE / 2))
    result = found(held, "#ops", "#lobby")
    assert texts(result) == ["one", "two", "three"]
    assert [key for key, _ in result.entries] == ["#lobby", "#ops", "#lobby"]


def test_numbers_and_not_dates_order_a_log(held: Any) -> None:
    commit(held, lines("before the clock was set back"))
    commit(held, lines("after", first=2, at=START - timedelta(hours=1)))
    assert texts(found(held, "#lobby", "#ops")) == ["before the clock was set back", "after"]


@pytest.mark.parametrize(
    ("words", "matching"),
    [
        ("build", ["The build is RED"]),
        ("red the", ["The build is RED"]),
        ("buil", []),
        ("nino manana", ["El niño, mañana"]),
        ("NIÑO", ["El niño, mañana"]),
        ("nin\u0303o", ["El niño, mañana"]),
        ("don't", ["I don't know"]),
        ("don t", ["I don't know"]),
        ("dont", []),
        ("t'don", []),
        ("don't build", []),
        ("日本語", ["これは 日本語 です"]),
        ("100% build", []),
        ("c++", []),
        ("is", ["The build is RED", "in c it is"]),
    ],
)
def test_words_are_found_whole_whatever_their_case_and_accents(held: Any, words: str, matching: list[str]) -> None:
    commit(held, lines("The build is RED", "El niño, mañana", "I don't know", "これは 日本語 です", "in c it is"))
    assert texts(found(held, "#lobby", words=words)) == matching


@pytest.mark.parametrize("words", ["...", '"', "''", "*", "()", "^", ":", "- -", "\0", "\u0301", " "])
def test_a_search_without_a_word_finds_nothing(held: Any, words: str) -> None:
    commit(held, lines("one", "two"))
    assert found(held, "#lobby", words=words) == Found([], 0)


@pytest.mark.parametrize(
    "words",
    ['"one', "one*", "one AND", "NOT one", "(one", "text:one", "^one", "one\0", "one \ud800", "NEAR(one", "{one"],
)
def test_nothing_in_a_search_has_a_meaning_of_its_own(held: Any, words: str) -> None:
    commit(held, lines("one", "one and not text one near one"))
    assert found(held, "#lobby", words=words).total in (1, 2)


@pytest.mark.parametrize("kind", ON_DISK)
@given(words=st.text(max_size=40))
@settings(max_examples=30)
def test_any_text_can_be_searched_for(opened_as: Any, kind: str, words: str) -> None:
    with opened_as(kind) as database:
        database.commit(lines("one", "two"))
        assert found(database, "#lobby", words=words).total <= 2


def word(first: int, length: int) -> str:
    """One of these letters of a script that has blanks, of which nothing comes twice."""
    random = Random(1)
    return "".join(chr(first + random.randrange(32)) for _ in range(length))


@pytest.mark.parametrize("word", [word(0x430, limits.PASTE_TEXT // 2), word(0x12000, limits.PASTE_TEXT // 4)])
def test_a_word_as_long_as_a_line_may_be_is_kept_and_found_whole(held: Any, word: str) -> None:
    long = f"see {word}x here"
    commit(held, lines("one", long, f"see {word}y here", word[:400]))
    assert texts(found(held, "#lobby", words=f"{word}x")) == [long]
    assert texts(found(held, "#lobby", words=word)) == []
    assert texts(found(held, "#lobby", words=word[:400])) == [word[:400]]


def test_private_talk_with_one_is_found_by_the_nickname_they_had(held: Any) -> None:
    commit(
        held,
        log(
            "@p-amy",
            [
                private(AMY, BOB, "to bob"),
                private(BOB, AMY, "from bob"),
                private(replace(BOB, nick="Rob"), AMY, "from bob, who is called rob now"),
                private(AMY, AMY, "to myself"),
            ],
        ),
    )
    assert texts(found(held, "@p-amy", other="bob")) == ["to bob", "from bob"]
    assert texts(found(held, "@p-amy", other="rob")) == ["from bob, who is called rob now"]
    assert texts(found(held, "@p-amy", other="amy")) == ["to myself"]
    assert found(held, "@p-amy").total == 4


def test_an_id_that_came_before_is_told_with_its_place_and_nothing_is_kept(held: Any) -> None:
    place = Place("#lobby", "#LOBBY", 1, START)
    commit(held, lines("one"), ids=[("c1", place)])
    with pytest.raises(Duplicates) as caught:
        commit(held, lines("one", "two", first=2), ids=[("c1", replace_seq(place, 2)), ("c2", replace_seq(place, 3))])
    assert caught.value.known == {LineId(AMY.person, "c1"): Known(place, 1)}
    assert [entry.seq for entry in after(held, "#lobby", 0)] == [1]
    commit(held, lines("two", first=2), ids=[("c2", replace_seq(place, 2))])


def test_a_digest_comes_back_as_it_was(held: Any) -> None:
    digests = [0, -1, 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
    ids = {LineId("p-amy", f"c{digest}"): Known(Place("#lobby", "#LOBBY", 1, START), digest) for digest in digests}
    commit(held, lines("one"), known=ids)
    assert held.wait(held.store.known(list(ids))) == ids


def replace_seq(place: Place, seq: int) -> Place:
    return place._replace(seq=seq)


@pytest.mark.parametrize(
    ("one", "other"), [("c1", "C1"), ("a\0b", "a\0c"), ("\ud800", "\ud801"), ("", " "), ("é", "e\u0301")]
)
def test_ids_are_the_same_only_if_every_character_is(held: Any, one: str, other: str) -> None:
    place = Place("#lobby", "#LOBBY", 1, START)
    commit(held, lines("one", "two"), ids=[(one, place), (other, replace_seq(place, 2))])
    with pytest.raises(Duplicates) as caught:
        commit(held, lines("two", first=3), ids=[(other, replace_seq(place, 3))])
    assert caught.value.known == {LineId(AMY.person, other): Known(replace_seq(place, 2), 2)}


def test_the_same_id_of_two_people_is_two(held: Any) -> None:
    place = Place("#lobby", "#LOBBY", 1, START)
    commit(held, lines("one"), ids=[("c1", place)])
    commit(held, lines("two", first=2), known={LineId(BOB.person, "c1"): Known(replace_seq(place, 2), 2)})


def dated(*days: int) -> Appended:
    """Lines that are called by their dates, in days from START."""
    facts = [Entry(seq, START + timedelta(days=day), Message(AMY, str(day))) for seq, day in enumerate(days, 1)]
    return Appended("#lobby", "#lobby", True, facts)


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        ([900, 1, 2], ["1", "2"]),  # said while the clock stood years ahead, and before what was asked for
        ([1, 900, 2], ["1", "900", "2"]),
        ([1, 2, 900], ["1", "2", "900"]),
        ([900, 901], []),
        ([-5, 900, 901, 1, 902, 2], ["1", "902", "2"]),
        ([5, 900, -3, 4], ["5", "4"]),  # the first is the one with the earliest date
        ([900, 900, 900, 7], ["7"]),
    ],
)
def test_a_line_from_the_future_was_said_since_a_moment_where_its_neighbours_were(
    held: Any, days: list[int], shown: list[str]
) -> None:
    commit(held, dated(*days))
    since = {"since": START, "now": START + timedelta(days=10)}
    result = held.wait(held.store.said(Query(["#lobby"], 100, **since)))
    assert sorted(texts(result)) == sorted(shown)
    assert result.total == len(shown)
    assert texts(found(held, "#lobby", since=START)) == [str(day) for day in days if day >= 0]


WORDS = ["one", "two", "Two", "niño", "NINO", "don't", "t", "x-y", "ελλάδα", "..."]
KEYS = ["#lobby", "#ops", "@p-amy"]
facts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=4).map(lambda words: Message(AMY, " ".join(words))),
    st.sampled_from(WORDS).map(lambda text: private(AMY, BOB, text)),
    st.sampled_from(WORDS).map(lambda text: private(BOB, AMY, text)),
    st.just(Joined(AMY, ("amy",), 1)),
)
batches = st.lists(
    st.lists(st.tuples(st.sampled_from(KEYS), facts, st.booleans()), max_size=6),
    max_size=4,
)
queries = st.builds(
    Query,
    keys=st.lists(st.sampled_from([*KEYS, "#none"]), unique=True),
    most=st.integers(1, 5),
    before=st.none() | st.integers(-1, 8),
    since=st.none() | st.integers(0, 6).map(lambda minutes: START + minutes * MINUTE),
    now=st.none() | st.integers(0, 6).map(lambda minutes: START + minutes * MINUTE),
    words=st.just("") | st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join),
    other=st.none() | st.sampled_from(["amy", "bob"]),
    behind=st.just({}) | st.dictionaries(st.sampled_from(KEYS), st.integers(0, 6)),
    to=st.none(),
    by=st.none(),
)
spoken = st.builds(
    Query,
    keys=st.lists(st.sampled_from([*KEYS, "#none"]), unique=True),
    most=st.integers(1, 5),
    before=st.none() | st.integers(-1, 8),
    since=st.none() | st.integers(0, 6).map(lambda minutes: START + minutes * MINUTE),
    now=st.none(),
    words=st.just(""),
    other=st.none(),
    behind=st.just({}) | st.dictionaries(st.sampled_from(KEYS), st.integers(0, 6)),
    to=st.none(),
    by=st.builds(Speaker, st.sampled_from([None, "p-amy", "p-bob"]), st.sampled_from([None, "amy", "carl"])),
)
listeners = st.builds(
    Listener,
    person=st.sampled_from(["p-amy", "p-bob", "p-carl"]),
    nick=st.sampled_from(WORDS),
    ignored=st.just(frozenset()) | st.just(frozenset(["p-bob"])),
)
mentions = st.builds(
    Query,
    keys=st.lists(st.sampled_from([*KEYS, "#none"]), unique=True),
    most=st.integers(1, 5),
    before=st.none() | st.integers(-1, 8),
    since=st.none(),
    now=st.none(),
    words=st.just(""),
    other=st.none() | st.sampled_from(["amy", "bob"]),
    behind=st.just({}) | st.dictionaries(st.sampled_from(KEYS), st.integers(0, 6)),
    to=listeners,
    by=st.none(),
)
stretches = st.dictionaries(
    st.sampled_from([*KEYS, "#none"]), st.builds(Stretch, behind=st.integers(0, 8), last=st.integers(0, 8))
)


@pytest.mark.parametrize("kind", ON_DISK)
@given(
    batches=batches,
    asked=st.lists(queries | mentions | spoken, max_size=8),
    redactions=st.lists(
        st.builds(Redaction, st.sampled_from([*KEYS, "#none"]), st.lists(st.integers(1, 8), min_size=1))
    ),
    counted=st.lists(st.tuples(stretches, listeners), max_size=4),
    indexed=st.sets(st.integers(0, 6)),
)
@settings(max_examples=50)
def test_all_stores_answer_alike(
    opened_as: Any,
    kind: str,
    batches: list[list[tuple[str, Fact, bool]]],
    asked: list[Query],
    redactions: list[Redaction],
    counted: list[tuple[dict[str, Stretch], Listener]],
    indexed: set[int],
) -> None:
    """Whether it is in the index and in the lists, or not yet."""
    memory = Memory()
    with opened_as(kind) as database:
        heads = dict.fromkeys(KEYS, 0)
        for minute, changes in enumerate(batches):
            appended = list(_numbered(changes, heads, START + minute * MINUTE))
            commit(memory, *appended)
            commit(database, *appended)
            if minute in indexed:
                database.index()
        commit(memory, redactions=redactions)
        commit(database, redactions=redactions)
        for key in KEYS:
            assert after(memory, key, 0) == after(database, key, 0)
            if 6 in indexed:
                database.index()
        for asking in counted:
            assert memory.wait(memory.store.unread(*asking)) == database.wait(database.store.unread(*asking))
        for query in asked:
            assert memory.wait(memory.store.said(query)) == database.wait(database.store.said(query))


def _numbered(changes: list[tuple[str, Fact, bool]], heads: dict[str, int], at: datetime) -> Iterator[Appended]:
    for key in KEYS:
        added = [(fact, recorded) for to, fact, recorded in changes if to == key]
        if added:
            first = heads[key] + 1
            heads[key] += len(added)
            entries = [Entry(first + index, at, fact) for index, (fact, _) in enumerate(added)]
            yield Appended(key, key.upper(), added[0][1], entries)


@pytest.mark.parametrize("kind", ON_DISK)
def test_of_long_entries_a_database_reads_no_more_than_a_page(opened_as: Any, kind: str) -> None:
    long = lines(*["x" * 2000] * 100)
    with opened_as(kind) as database:
        database.commit(long)
        page = database.wait(database.store.after("#lobby", 3, 100))
        assert [entry.seq for entry in page] == list(range(4, 4 + -(-limits.PAGE_BYTES // (2000 + limits.FRAME))))
        assert database.entries() == long.entries


def test_what_others_said_behind_a_place_is_counted_and_what_of_it_calls_one(held: Any) -> None:
    bob, carl = (lambda text: Message(BOB, text)), (lambda text: Message(CARL, text))
    said = [bob("early amy"), bob("amy, look"), Message(AMY, "amy is me"), carl("AMY!"), bob("dreamy"), bob("late amy")]
    commit(held, log("#lobby", said), log("@p-amy", [private(BOB, AMY, "psst"), private(AMY, BOB, "yes?")]))
    stretches = {"#lobby": Stretch(1, 5), "@p-amy": Stretch(0, 2), "#none": Stretch(0, 9)}
    for _ in range(2):  # before the search index has them, and then
        counted = held.wait(held.store.unread(stretches, Listener("p-amy", "amy")))
        assert counted == {"#lobby": Unread(3, 2), "@p-amy": Unread(1, 1), "#none": Unread(0, 0)}
        counted = held.wait(held.store.unread(stretches, Listener("p-amy", "amy", frozenset([CARL.person]))))
        assert counted["#lobby"] == Unread(2, 1)
        to = found(held, "#lobby", "@p-amy", to=Listener("p-amy", "amy"))
        assert sorted(texts(to)) == ["AMY!", "amy, look", "early amy", "late amy", "psst"]
        assert texts(found(held, "#lobby", "@p-amy", to=Listener("p-amy", "amy"), other="carl")) == ["AMY!"]
        assert texts(found(held, "#lobby", to=Listener("p-amy", "amy"), behind={"#lobby": 4})) == ["late amy"]
        if not isinstance(held, Memory):
            held.index()


def test_of_very_much_the_last_is_counted(held: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNREAD_MOST", 3)
    commit(held, lines("bob", "bob", "two", "three", "bob"))
    counted = held.wait(held.store.unread({"#lobby": Stretch(0, 5)}, Listener("p-bob", "bob")))
    assert counted == {"#lobby": Unread(3, 1)}
