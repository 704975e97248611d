"""Several servers on one database of PostgreSQL: one order of all turns, in which each hears of the others'."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import kill
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
from database import AMY, BOB, START, batch, lines, log, person, session
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import Cluster

from chat.base import limits
from chat.base.errors import NotStored, Refused, TakenForGone
from chat.base.language import language
from chat.core.ports import (
    Batch,
    Claim,
    Duplicates,
    Elsewhere,
    Exchange,
    LineId,
    Numbered,
    Place,
    Progress,
    Record,
    Redaction,
    TakenOver,
    Unheard,
)
from chat.log.events import Annotated, Fact, Joined, Message
from chat.log.forgetting import Forgotten

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'twisted-chat[postgres]'")

import psycopg  # they need it
from postgresql import Server, Stored, followed, stored, until

from chat.store.postgresql.commits import Adoption
from chat.store.postgresql.connection import Link
from chat.store.postgresql.exchange import Unreachable
from chat.store.postgresql.opening import examine, prepare, states, suits
from chat.store.postgresql.secrets import Secrets
from chat.store.postgresql.servers import Servers
from chat.store.unusable import Unusable

pytestmark = [pytest.mark.slow, pytest.mark.door]


class Told(list[Elsewhere]):
    """What one node was told."""


class Nodes:
    """So many of them, started, and what each was told."""

    def __init__(self, where: str, stack: ExitStack, *names: str) -> None:
        self.where = where
        self.stack = stack
        self.stores: list[Stored] = []
        self.told: list[Told] = []
        for name in names:
            self.start(name)

    def start(self, name: str) -> Stored:
        store = self.stack.enter_context(stored(self.where, name))
        self.stores.append(store)
        self.told.append(Told())
        store.store.follow(self.told[-1].append)
        return store

    def start_again(self, node: int) -> Stored:
        """One that hangs, so that the others take it for gone."""
        name = self.stores[node].prepared.node
        with closing(Link(Servers(self.where), suits)) as link:
            link.ask("UPDATE servers SET until = 1 WHERE node = :node", {"node": name})
        return self.start(name)

    def commit(self, node: int, made: Batch) -> Numbered:
        numbered: Numbered = self.stores[node].wait(self.stores[node].store.commit(made))
        return numbered

    def hear(self, node: int, count: int) -> Sequence[Elsewhere]:
        """Wait until this node was told of so many turns in all; returns these."""
        while len(self.told[node]) < count:
            self.stores[node].call_next()
        return self.told[node]


@pytest.fixture
def nodes(postgresql: Server) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(postgresql.emptied(), stack, "a", "b")


@pytest.mark.parametrize("recorded", [True, False])
def test_what_is_told_with_a_line_and_not_stored_is_told_on_every_node(
    nodes: Nodes, postgresql: Server, recorded: bool
) -> None:
    amy = replace(AMY, account=True, realname="Amy")
    facts: list[Fact] = [
        Message(amy, "one"),
        Annotated(BOB, "two three", tags=("+draft/reply", "x"), breaks=(3,)),
        Annotated(BOB, "four", notice=True),
        Joined(None, ("amy", "bob"), 2, (amy, BOB), ("amy",), ("bob",)),
        Joined(amy, ("amy",), 2, (amy,)),
    ]
    said = log("#lobby", facts)._replace(recorded=recorded)
    entries = [said.entries[0]._replace(id="id 1"), *said.entries[1:]]
    nodes.commit(0, batch())
    hear_now(nodes, 1, 1)
    nodes.commit(0, batch(said._replace(entries=entries)))
    (told,) = nodes.hear(1, 2)[-1].appended
    assert [repr(entry.fact) for entry in told.entries] == list(map(repr, facts))
    assert [entry.id for entry in told.entries] == ["id 1", None, None, None, None]
    assert [entry.fact for entry in nodes.stores[1].entries()] == (
        [Message(AMY, "one"), Message(BOB, "two three"), *facts[2:]] if recorded else []
    )


def hear_now(nodes: Nodes, node: int, count: int) -> None:
    """Wait until a node was told of so many, and until it listens for the next one."""
    nodes.hear(node, count)
    time.sleep(0.3)


AMY_COMES = batch(people={"p": person("amy")}, sessions={"d": session("p")})._replace(claims=[Claim("p", "amy")])


def claims(*claimed: tuple[str, str | None]) -> Batch:
    return batch()._replace(claims=[Claim(*one) for one in claimed])


def test_each_hears_what_the_others_committed_with_the_numbers_of_the_store(nodes: Nodes) -> None:
    first = nodes.commit(0, batch(lines("one", "two"), records=[Record("topic", "#lobby", "tea")]))
    second = nodes.commit(1, batch(lines("three")))
    assert (first.firsts, second.firsts) == ({"#lobby": 1}, {"#lobby": 3})
    assert first.at <= second.at
    (told,) = nodes.hear(1, 1)
    (appended,) = told.appended
    assert (appended.key, appended.name, appended.recorded) == ("#lobby", "#LOBBY", True)
    assert [(entry.seq, entry.at, entry.fact) for entry in appended.entries] == [
        (1, first.at, Message(AMY, "one")),
        (2, first.at, Message(AMY, "two")),
    ]
    assert told.records == [Record("topic", "#lobby", "tea")]
    assert told.node == "a"
    (told,) = nodes.hear(0, 1)
    assert [entry.seq for entry in told.appended[0].entries] == [3]
    assert nodes.stores[0].entries() == [*nodes.told[1][0].appended[0].entries, *told.appended[0].entries]


def test_what_was_committed_before_is_told_before_the_answer(nodes: Nodes) -> None:
    for number in range(5):
        nodes.commit(0, batch(lines(f"{number}")))
    numbered = nodes.commit(1, batch(lines("mine")))
    assert numbered.firsts == {"#lobby": 6}
    assert [told.appended[0].entries[0].seq for told in nodes.told[1]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("text", ["x" * 50, "x" * 500, "\u00e9\u4e2d" * 500, "y" * 9_000])
def test_a_turn_that_is_too_long_for_a_notification_comes_in_parts_or_is_read(nodes: Nodes, text: str) -> None:
    for _ in range(2):
        nodes.commit(0, batch(lines(*[text] * 100)))
    nodes.commit(0, batch(lines("the last")))
    heard = [entry for told in nodes.hear(1, 3) for entry in told.appended[0].entries]
    assert [entry.seq for entry in heard] == list(range(1, 202))
    assert {entry.fact.text for entry in heard[:-1]} == {text}  # type: ignore[union-attr]


def test_what_is_not_recorded_is_heard_and_stands_nowhere(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch())
    nodes.hear(1, 1)
    time.sleep(0.3)  # it listens
    nodes.commit(0, batch(lines("secret", recorded=False)))
    told = nodes.hear(1, 2)[-1]
    assert [entry.fact for entry in told.appended[0].entries] == [Message(AMY, "secret")]
    assert postgresql.ask("SELECT count(*) FROM chat.turns WHERE told LIKE '%secret%'", "chat") == [(0,)]
    assert nodes.commit(1, batch(lines("known"))).firsts == {"#lobby": 2}


def test_what_is_not_recorded_is_heard_however_long_it_is(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch())
    nodes.hear(1, 1)
    time.sleep(0.3)  # it listens
    long = [f"secr\u00e9t {number} \U0001f600" * 700 for number in range(20)]
    nodes.commit(0, batch(lines(*["secret"] * 3000, recorded=False), lines("recorded", key="#ops")))
    nodes.commit(0, batch(lines(*long, recorded=False), lines(*["told" * 200] * 100, key="#tea")))
    nodes.commit(0, batch(lines("short", recorded=False)))
    heard = [
        [(entry.seq, entry.fact.text) for one in told.appended if one.key == "#lobby" for entry in one.entries]
        for told in nodes.hear(1, 4)[1:]
    ]
    assert heard[0] == [(number, "secret") for number in range(1, 3001)]
    assert heard[1] == list(enumerate(long, 3001))
    assert heard[2] == [(3021, "short")]
    assert [told.heads for told in nodes.told[1]] == [{}] * 4
    assert postgresql.ask("SELECT count(*) FROM chat.turns WHERE told LIKE '%secr%'", "chat") == [(0,)]


def test_of_what_was_not_heard_in_passing_it_is_told_how_far_it_goes(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch())
    hear_now(nodes, 1, 1)
    listens = "query LIKE '%FROM turns%' AND pid != pg_backend_pid()"
    postgresql.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listens}")
    nodes.commit(0, batch(lines(*["secret" * 100] * 20, recorded=False)))
    told = nodes.hear(1, 2)[-1]
    assert (told.appended, told.heads) == ([], {"#lobby": 20})


def test_a_connection_that_hangs_is_left_for_another_one(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch(lines("one")))
    hear_now(nodes, 1, 1)
    other = nodes.stores[1]
    own = other.store._listener._link._there().backend_pid
    kill(own, SIGSTOP)
    try:
        nodes.commit(0, batch(lines("two")))
        for _ in range(2):
            assert len(nodes.told[1]) == 1
            other.wait(other.store.beat(0))
        assert nodes.hear(1, 2)[-1].appended[0].entries[0].seq == 2
    finally:
        kill(own, SIGCONT)
    assert nodes.commit(1, batch(lines("three"))).firsts == {"#lobby": 3}


def test_a_nickname_is_of_one_alone_and_one_that_is_alike_too(nodes: Nodes) -> None:
    assert nodes.commit(0, claims(("p-amy", "amy"))).taken == {}
    assert nodes.commit(1, claims(("p-x", "Amy"), ("p-y", "\u0430my"), ("p-bob", "bob"))).taken == {
        Claim("p-x", "Amy"): "amy",
        Claim("p-y", "\u0430my"): "amy",
    }
    assert nodes.hear(0, 1)[0].claims == [Claim("p-bob", "bob")]
    nodes.commit(0, claims(("p-amy", None)))
    assert nodes.commit(1, claims(("p-x", "Amy"))).taken == {}
    assert [told.claims for told in nodes.hear(1, 2)] == [[Claim("p-amy", "amy")], [Claim("p-amy", None)]]


def test_the_same_line_by_two_nodes_is_kept_once(nodes: Nodes) -> None:
    place = Place("#lobby", "#LOBBY", 1, START)
    numbered = nodes.commit(0, batch(lines("zero"), lines("one", key="#ops")))
    numbered = nodes.commit(0, batch(lines("one"), ids=[("c1", place)]))
    with pytest.raises(Duplicates) as caught:
        nodes.commit(1, batch(lines("one"), ids=[("c1", place)]))
    (known,) = caught.value.known.values()
    assert known.place == Place("#lobby", "#LOBBY", 2, numbered.at)


def test_what_a_session_did_is_not_kept_by_a_node_once_another_one_has_it(nodes: Nodes) -> None:
    one = batch(lines("one"), ids=[("c1", Place("#lobby", "#LOBBY", 1, START))])._replace(by={"d"})
    two = batch(lines("one"))._replace(by={"d", "e"})
    there = {"d": session("p")}
    nodes.commit(0, batch(sessions=there))
    nodes.commit(0, one)
    with pytest.raises(TakenOver) as caught:
        nodes.commit(1, two)
    assert caught.value.sessions == ["d"]
    nodes.hear(1, 2)
    nodes.commit(1, batch(sessions=there))
    taking = two._replace(remembered=batch(sessions=there).remembered)
    for made in (taking, two):  # the first before it was told
        with pytest.raises(TakenOver):
            nodes.commit(0, made)
    with pytest.raises(Duplicates):
        nodes.commit(0, one)
    nodes.hear(0, 1)
    with pytest.raises(TakenOver):
        nodes.commit(0, two)
    nodes.commit(0, taking)
    assert nodes.stores[0].texts() == ["one", "one"]


def test_a_record_that_another_node_stored_meanwhile_is_outdated(nodes: Nodes) -> None:
    amy, ana = person("amy"), person("ana")
    nodes.commit(0, batch(people={"p": amy}, sessions={"d": session("p")}))
    assert nodes.commit(0, batch(people={"p": amy})).outdated == set()
    late = nodes.stores[1].store.commit(batch(people={"p": ana}, sessions={"d": None, "e": session("p")}))
    assert set(nodes.stores[1].wait(late).outdated) == {"p", "d"}
    (told,) = [told for told in nodes.hear(0, 1) if told.remembered.sessions]
    assert (dict(told.remembered.people), list(told.remembered.sessions)) == ({}, ["e"])
    assert nodes.commit(1, batch(people={"p": ana})).outdated == set()


def test_that_somebody_came_is_not_kept_where_another_node_stored_something_of_them_meanwhile(nodes: Nodes) -> None:
    """And is refused when that is heard, so that it may go again at once."""
    nodes.commit(0, batch(people={"p": person("amy"), "q": person("bob")}))
    here = batch(lines("one"), people={"p": person("amy")})._replace(moved={"p"}, claims=[Claim("p", "amy")])
    with pytest.raises(Unheard):
        nodes.commit(1, here)
    assert len(nodes.told[1]) == 1
    nodes.commit(0, batch(people={"q": person("carl")}))
    late = here._replace(remembered=batch(people={"p": person("amy"), "q": person("bob")}).remembered)
    assert nodes.commit(1, late).outdated == {"q"}
    (told,) = nodes.hear(0, 1)
    assert told.claims == [Claim("p", "amy")]
    assert nodes.stores[0].texts() == ["one"]


def test_what_is_good_once_is_spent_by_the_first_and_all_else_of_a_turn_is_kept(nodes: Nodes) -> None:
    good, used = Record("pin", "k", "good"), Record("pin", "k", "used")
    nodes.commit(0, batch()._replace(records=[good]))
    spends = batch(lines("in"))._replace(exchanges=[Exchange(used, good.value)])
    late = nodes.stores[1].store.commit(spends)
    first = nodes.stores[1].wait(late)
    second = nodes.commit(0, spends)
    assert (list(first.late), list(second.late)) == ([], [used])
    assert nodes.stores[0].texts() == ["in", "in"]
    told = [told.records for told in (*nodes.hear(0, 1), *nodes.hear(1, 2))]
    assert told == [[used], [good], []]
    gone = Exchange(used._replace(value=None), used.value)
    assert not nodes.commit(0, batch()._replace(exchanges=[gone])).late
    assert list(nodes.commit(1, batch()._replace(exchanges=[gone])).late) == [gone.record]
    made = Exchange(good, None)
    assert [list(nodes.commit(node, batch()._replace(exchanges=[made])).late) for node in (1, 0)] == [[], [good]]


def test_what_was_refused_on_one_node_is_not_kept_by_another_one_that_had_not_heard_of_it(nodes: Nodes) -> None:
    line = LineId(AMY.person, "c1")
    hello = batch(lines("hello"), ids=[("c1", Place("#lobby", "", 1, START))])
    nodes.commit(0, batch()._replace(refused=[line]))
    late = nodes.stores[1].store.commit(hello)
    with pytest.raises(Duplicates) as found:
        nodes.stores[1].wait(late)
    assert (list(found.value.refused), dict(found.value.known)) == ([line], {})
    (told,) = nodes.hear(1, 1)
    assert list(told.refused) == [line]
    nodes.commit(1, hello)
    with pytest.raises(Duplicates) as found:
        nodes.commit(0, hello)
    assert (list(found.value.refused), [*found.value.known]) == ([], [line])


def test_what_one_refused_it_may_keep_after_that(nodes: Nodes) -> None:
    hello = batch(lines("hello"), ids=[("c1", Place("#lobby", "", 1, START))])
    for _ in range(2):
        nodes.commit(0, batch()._replace(refused=[LineId(AMY.person, "c1")] * 2))
    nodes.commit(0, hello)
    assert nodes.stores[0].texts() == ["hello"]


def test_a_node_that_says_nothing_is_adopted_once_and_writes_nothing_before_it_knows(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1)
    nodes.start("c")
    a, b, c = (held.store for held in nodes.stores)
    nodes.commit(0, AMY_COMES)
    nodes.commit(0, claims(("coming", "carl"), ("p", "amelia")))
    for held in nodes.stores:
        held.wait(held.store.beat(0))
    for _ in range(3):
        time.sleep(0.5)
        nodes.stores[1].wait(b.beat(0))
        lapsed = nodes.stores[2].wait(c.beat(0))
    assert lapsed == ["a"]
    nodes.commit(0, batch(lines("late")))
    nodes.stores[1].wait(b.adopt("a"))
    nodes.stores[2].wait(c.adopt("a"))
    assert nodes.stores[2].wait(c.beat(0)) == []
    told = nodes.hear(2, 4)[-1]
    # Nothing is stored of the one, and under another nickname of the other.
    assert (told.node, told.adopted, told.claims) == ("b", "a", [Claim("coming", None), Claim("p", "amy")])
    assert list(told.ended) == ["d"]
    assert nodes.hear(1, 4)[-1].adopted == "a"  # it is told of that itself
    with pytest.raises(TakenForGone):
        nodes.commit(0, batch(lines("never")))
    assert nodes.told[0][0].adopted == "a"  # so that it may go again at once
    nodes.commit(0, batch(lines("again")))
    nodes.stores[0].wait(a.beat(0))
    assert nodes.stores[2].texts() == ["late", "again"]


def test_where_all_could_not_say_that_they_are_there_nobody_is_adopted(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1)
    nodes.commit(0, batch(sessions={"d": session("p")}))
    nodes.commit(1, batch(sessions={"e": session("p")}))
    for held in nodes.stores:
        held.wait(held.store.beat(0))
    time.sleep(1.2)  # as while the database is away
    for held in nodes.stores:
        assert held.wait(held.store.beat(0)) == []


def set_clock(server: Server, seconds: int) -> None:
    """The clock of the database's machine is so much ahead, or behind."""
    moment = f"(extract(epoch FROM clock_timestamp()) * 1000000)::bigint + {seconds}000000"
    replaced = f"CREATE OR REPLACE FUNCTION chat.moment() RETURNS bigint LANGUAGE sql VOLATILE RETURN {moment}"
    server.ask(replaced, "chat")


HOUR = 3600


@pytest.mark.parametrize("step", [HOUR, 24 * HOUR, -HOUR])
def test_where_the_clock_of_the_database_is_set_nobody_is_taken_for_gone_and_all_go_by_it(
    nodes: Nodes, postgresql: Server, step: int
) -> None:
    for number, held in enumerate(nodes.stores):
        nodes.commit(number, batch(sessions={f"{number}": session("p")}))
        assert held.wait(held.store.beat(0)) == []
    set_clock(postgresql, step)
    for _ in range(2):
        for held in nodes.stores:
            assert held.wait(held.store.beat(0)) == []
    at = nodes.commit(0, batch(lines("one"))).at
    for held in nodes.stores:
        assert abs((held.store.now() - at).total_seconds()) < 10
    assert abs((at - datetime.now(UTC)).total_seconds() - step) < 10


def test_where_the_clock_of_the_database_is_set_back_who_died_is_taken_for_gone_all_the_same(
    nodes: Nodes, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1)
    nodes.commit(0, batch(sessions={"d": session("p")}))
    for held in nodes.stores:
        held.wait(held.store.beat(0))
    set_clock(postgresql, -HOUR)
    b = nodes.stores[1]
    assert b.wait(b.store.beat(0)) == []
    time.sleep(0.6)
    assert b.wait(b.store.beat(0)) == []
    time.sleep(0.6)
    assert b.wait(b.store.beat(0)) == ["a"]


def test_a_date_that_was_wrong_does_not_stay_when_the_clock_was_set_right(nodes: Nodes, postgresql: Server) -> None:
    set_clock(postgresql, 2)
    first = nodes.commit(0, batch(lines("one"))).at
    set_clock(postgresql, 0)
    assert nodes.commit(0, batch(lines("two"))).at == first  # a little is nothing to speak of
    set_clock(postgresql, HOUR)
    wrong = nodes.commit(0, batch(lines("three"))).at
    set_clock(postgresql, 0)
    right = nodes.commit(1, batch(lines("four"))).at
    assert (wrong - right).total_seconds() > HOUR - 60
    assert [entry.at for entry in nodes.stores[0].entries()] == [first, first, wrong, right]


def test_one_that_goes_on_with_nothing_while_others_have_to_wait_for_it_is_cut(nodes: Nodes) -> None:
    nodes.commit(0, batch(lines("one")))
    a = nodes.stores[0].prepared
    link = Link(Servers(a.address), suits)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(Unreachable))
        stack.enter_context(link.transaction())
        assert link.value("SELECT hold(:epoch)", {"epoch": a.epoch})
        began = time.monotonic()
        # It hangs, or its network does: nobody hears of it.
        nodes.commit(1, batch(lines("two")))
        assert time.monotonic() - began < 3 * limits.STATEMENT_SECONDS
        link.ask("SELECT 1")


def test_a_node_that_starts_again_adopts_what_it_had_and_its_old_self_writes_nothing(nodes: Nodes) -> None:
    nodes.commit(0, batch(lines("one"), people={"p": person("amy")}, sessions={"d": session("p")}))
    again = nodes.start_again(0)
    assert again.prepared.kept.remembered.sessions["d"].ended_at is not None
    assert again.prepared.kept.elsewhere == {}
    with pytest.raises(NotStored):
        nodes.commit(0, batch(lines("never")))
    nodes.commit(2, batch(lines("two")))
    assert again.texts() == ["one", "two"]
    _, adopted, last = nodes.hear(1, 3)
    assert (adopted.adopted, adopted.node, last.node) == ("a", "a", "a")


def test_a_node_of_a_name_that_another_one_has_which_runs_is_refused_until_that_has_ended(nodes: Nodes) -> None:
    said = f"Another server on {nodes.where} is called a. Stop it, or choose another name with --node."
    for start in (prepare, examine):
        with pytest.raises(Unusable) as caught:
            start(nodes.where, "a")
        assert language("en").words(caught.value.sentence) == said
    nodes.commit(0, batch(lines("one")))
    nodes.stores[0].close()
    assert examine(nodes.where, "a") == ()
    assert nodes.start("a").texts() == ["one"]


def test_what_a_node_finds_at_its_start_is_all_that_was_kept(nodes: Nodes) -> None:
    nodes.commit(0, AMY_COMES)
    nodes.commit(1, batch(sessions={"e": session("p")}))
    third = nodes.start("c").prepared.kept
    assert third.elsewhere == {"d": "a", "e": "b"}
    assert third.claims == [Claim("p", "amy")]


def test_what_a_server_had_that_used_the_database_alone_is_of_the_first_node(postgresql: Server) -> None:
    where = postgresql.emptied()
    with stored(where) as held:
        held.commit(lines("one"), people={"p": person("amy")}, sessions={"d": session("p")})
    with stored(where, "a") as one, stored(where, "b") as other:
        assert (one.prepared.kept.elsewhere, other.prepared.kept.elsewhere) == ({}, {"d": "a"})
        assert one.texts() == ["one"]
    with stored(where) as held:
        assert held.prepared.kept.elsewhere == {}
        held.commit(lines("two", first=2))


def test_one_that_uses_the_database_alone_and_nodes_keep_each_other_out(nodes: Nodes) -> None:
    with pytest.raises(Unusable), stored(nodes.where):
        pass
    nodes.stack.close()
    with stored(nodes.where), pytest.raises(Unusable), stored(nodes.where, "a"):
        pass


def test_what_was_missed_while_a_connection_was_cut_is_read(nodes: Nodes, postgresql: Server) -> None:
    for number in range(4):
        postgresql.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        nodes.commit(number % 2, batch(lines(f"{number}")))
    heard = [entry.seq for told in nodes.hear(0, 2) for one in told.appended for entry in one.entries]
    assert heard == [2, 4]


def test_what_is_taken_back_is_told(nodes: Nodes) -> None:
    nodes.commit(0, batch(lines("one")))
    nodes.commit(1, batch(log("#ops", [Message(BOB, "x")]), redactions=[Redaction("#lobby", [1])]))
    assert nodes.hear(0, 1)[0].redactions == [Redaction("#lobby", [1])]
    assert nodes.stores[0].texts() == [""]


KEYS = ["#lobby", "#ops"]
NICKS = ["amy", "Amy", "\u0430my", "bob", "B0B", None]
VALUES = st.sampled_from([None, "good", "used"])
steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(st.sampled_from(KEYS), max_size=3),
        st.lists(st.tuples(st.sampled_from(["p", "q", "r"]), st.sampled_from(NICKS)), max_size=2),
        st.dictionaries(st.sampled_from(["p", "q"]), st.sampled_from([None, person("amy"), person("bob")]), max_size=2),
        st.none() | st.integers(0, 3),
        st.dictionaries(st.sampled_from(["d", "e"]), st.sampled_from([None, session("p")]), max_size=1),
        st.dictionaries(st.sampled_from("kl"), st.tuples(VALUES, VALUES), max_size=2),
        st.sampled_from(["", "d", "e", "de"]),
    ),
    max_size=8,
)


@settings(max_examples=15)
@given(steps=steps)
def test_a_database_decides_as_the_store_of_the_tests_does(postgresql: Server, steps: list[Any]) -> None:
    """So what is found out about several servers with that one holds with this one, too."""
    with ExitStack() as stack:
        nodes = Nodes(postgresql.cleared(), stack, "a", "b", "c")
        cluster = Cluster()
        fakes = [cluster.node(name) for name in "abc"]
        told: list[list[Elsewhere]] = [[], [], []]
        for fake, heard in zip(fakes, told, strict=True):
            fake.follow(heard.append)
        for node, keys, claimed, people, id, sessions, exchanged, by in steps:
            appended = [lines(*["x"] * keys.count(key), key=key) for key in dict.fromkeys(keys)]
            ids = [(f"c{id}", Place(keys[0], "", 1, START))] if id is not None and keys else []
            made = batch(*appended, ids=ids, people=people, sessions=sessions)
            exchanges = [Exchange(Record("pin", key, value), before) for key, (before, value) in exchanged.items()]
            made = made._replace(claims=[Claim(*claim) for claim in claimed], exchanges=exchanges, by=set(by))
            nodes.hear(node, len(told[node]))
            expected: list[Any] = []
            fakes[node].commit(made).addBoth(expected.append)
            try:
                given_ = nodes.commit(node, made)
            except Duplicates:
                assert expected[0].check(Duplicates)
                continue
            except TakenOver:
                assert expected[0].check(TakenOver)
                continue
            (numbered,) = expected
            assert (given_.firsts, given_.taken) == (numbered.firsts, numbered.taken)
            assert set(given_.late) == set(numbered.late)
        counts = [len(heard) for heard in told]
        for node, count in enumerate(counts):
            for ours, theirs in zip(nodes.hear(node, count), told[node], strict=True):
                assert [(one.key, [entry.seq for entry in one.entries]) for one in ours.appended] == [
                    (one.key, [entry.seq for entry in one.entries]) for one in theirs.appended
                ]
                assert (list(ours.claims), ours.node) == (list(theirs.claims), theirs.node)
                assert set(ours.records) == set(theirs.records)


def test_nodes_may_start_at_once_on_a_new_database(postgresql: Server) -> None:
    where = postgresql.emptied()
    with ThreadPoolExecutor() as pool:
        prepared = list(pool.map(lambda name: prepare(where, name), "abcd"))
    for one in prepared:
        one.writer.close()
    assert len({one.epoch for one in prepared}) == 4


def test_each_tells_of_itself_and_how_far_it_is_behind(nodes: Nodes) -> None:
    a, b = (held.store for held in nodes.stores)
    a.introduce({"web": "on"}, {"grace": "60", "name": "caf\u00e9"})
    b.introduce({"web": "off"}, {"grace": "180", "name": "caf\u00e9"})
    nodes.commit(0, batch(lines("one")))
    held = nodes.stores[1]
    nodes.hear(1, 1)
    assert held.wait(b.beat(7)) == []
    one, other = held.wait(b.nodes())
    assert (one.name, one.people, one.behind, one.written) == ("a", 0, 0, {"grace": "60", "name": "caf\u00e9"})
    assert (other.name, other.people, other.behind, other.holds["web"]) == ("b", 7, 0, "off")
    assert one.since <= one.heard_at <= other.heard_at
    assert 0 < other.lease <= limits.LEASE_SECONDS
    b._seen -= 1
    held.wait(b.beat(7))
    assert held.wait(b.nodes())[1].behind == 1


def test_who_may_connect_to_the_database_alone_tells_nodes_nothing(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch(lines("one")))
    hear_now(nodes, 1, 1)
    postgresql.ask("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    forged = '{"epoch": 0, "node": "a", "won": [], "answer": {"at": 0}, "records": [["topic", "#lobby", "forged"]]}'
    with psycopg.connect(postgresql.address("chat"), user="stranger", autocommit=True) as stranger:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            stranger.execute("SELECT channel FROM chat.clock")
        seen = stranger.execute("SELECT coalesce(string_agg(query, ''), '') FROM pg_stat_activity").fetchone()
        assert seen is not None
        assert "LISTEN" not in seen[0]
        tick = nodes.stores[1].prepared.tick + 2
        stranger.execute("SELECT pg_notify('chat', %s)", [f"{tick} {forged}"])
    nodes.commit(0, batch(lines("two")))
    assert [told.records for told in nodes.hear(1, 2)] == [[], []]


def test_a_notification_that_cannot_be_read_costs_nothing_but_a_look_into_the_table(
    nodes: Nodes, postgresql: Server, logged: Any
) -> None:
    nodes.commit(0, batch(lines("one")))
    hear_now(nodes, 1, 1)
    hear_now(nodes, 0, 0)
    postgresql.ask("SELECT pg_notify(channel, 'what') FROM chat.clock", "chat")
    nodes.commit(0, batch(lines("two")))
    assert len(nodes.hear(1, 2)[1].appended) == 1
    nodes.stack.close()
    logged.expect(ValueError)


def test_a_server_that_does_not_have_what_another_node_stored_is_not_used(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch(lines("one")))
    nodes.commit(0, batch(lines("two")))
    hear_now(nodes, 1, 2)
    # As on a standby that was promoted without the last turn.
    postgresql.ask(
        "DELETE FROM turns WHERE tick = (SELECT tick FROM clock); UPDATE clock SET tick = tick - 1",
        "chat?options=-csearch_path%3Dchat",
    )
    postgresql.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
    with pytest.raises(Refused):
        nodes.stores[1].wait(nodes.stores[1].store.room("#lobby"))


def test_a_server_that_has_another_turn_in_place_of_the_last_one_is_not_used(nodes: Nodes, postgresql: Server) -> None:
    """As one that was promoted without it, and had others since then."""
    nodes.commit(0, batch(lines("one")))
    nodes.commit(0, batch(lines("two")))
    hear_now(nodes, 1, 2)
    postgresql.ask("UPDATE turns SET epoch = 99 WHERE tick = 2", "chat?options=-csearch_path%3Dchat")
    for node in (0, 1):
        store = nodes.stores[node].store
        with pytest.raises(Unreachable, match="it does not have what was stored last"), closing(store._link()) as link:
            link.ask("SELECT 1")
    postgresql.ask("DELETE FROM turns", "chat?options=-csearch_path%3Dchat")  # as after an hour
    with closing(nodes.stores[1].store._link()) as link:
        link.ask("SELECT 1")


def test_what_is_told_by_a_server_that_did_not_answer_is_asked_for_anew(nodes: Nodes) -> None:
    nodes.commit(0, batch(lines("one")))
    hear_now(nodes, 1, 1)
    store = nodes.stores[1].store
    own = store._listener._link._there().backend_pid
    with closing(store._link()) as link:
        link.ask("SELECT 1")
        link.seconds = 0.1
        with pytest.raises(Unreachable):
            link.ask("SELECT pg_sleep(1)")
    nodes.commit(0, batch(lines("two")))
    assert nodes.hear(1, 2)[-1].appended[0].entries[0].seq == 2
    hear_now(nodes, 1, 2)
    assert store._listener._link._there().backend_pid != own


def test_a_node_hears_of_the_promoted_server_what_is_said_there_though_its_connection_to_the_old_one_goes_on(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BEAT_SECONDS", 0.1)
    postgresql.emptied()
    with ExitStack() as stack:
        standby = stack.enter_context(followed(postgresql))
        ports = f"127.0.0.1:{postgresql.port},127.0.0.1:{standby.port}"
        nodes = Nodes(f"postgresql://chat@{ports}/chat", stack, "a", "b")
        nodes.commit(0, batch(lines("one")))
        hear_now(nodes, 1, 1)
        standby.promote()
        for server in (postgresql, standby):
            server.wait_for_a_standby(False)
        until(lambda: all(store.prepared.writer.is_replaced for store in nodes.stores))
        nodes.commit(0, batch(lines("two")))
        b = nodes.stores[1]
        b.wait(b.store.beat(0))  # the old one tells nothing, and so it is left
        assert [told.appended[0].entries[0].seq for told in nodes.hear(1, 2)] == [1, 2]
        assert postgresql.ask("SELECT tick FROM chat.clock", "chat") == [(1,)]


def test_a_server_of_which_nothing_is_known_any_more_writes_nothing(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, batch(lines("one")))
    postgresql.ask("DELETE FROM chat.servers WHERE node = 'a'", "chat")
    with pytest.raises(NotStored):
        nodes.commit(0, batch(lines("never")))


def test_what_cannot_be_kept_of_somebody_keeps_nobody_from_being_adopted(nodes: Nodes) -> None:
    ana = person("amy")._replace(away="a\0b\ud800")
    nodes.commit(0, batch(people={"p": ana}, sessions={"d": session("p")})._replace(claims=[Claim("p", "other")]))
    again = nodes.start_again(0).prepared.kept.remembered.people["p"]
    assert again is not None
    assert again.away == "a\ufffdb\ufffd"


def test_a_nickname_is_free_again_where_its_node_died_before_anybody_came_in(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1)
    for held in nodes.stores:
        held.wait(held.store.beat(0))
    nodes.commit(0, claims(("coming", "carl")))
    for _ in range(3):
        time.sleep(0.5)
        lapsed = nodes.stores[1].wait(nodes.stores[1].store.beat(0))
    assert lapsed == ["a"]
    nodes.stores[1].wait(nodes.stores[1].store.adopt("a"))
    assert nodes.hear(1, 2)[-1].claims == [Claim("coming", None)]
    assert nodes.stores[1].wait(nodes.stores[1].store.beat(0)) == []


def test_one_that_ends_is_gone_for_the_others_at_once(nodes: Nodes) -> None:
    a, b = nodes.stores
    nodes.commit(0, AMY_COMES)
    assert b.wait(b.store.beat(0)) == []
    a.close()
    assert b.wait(b.store.beat(0)) == ["a"]


def test_one_that_starts_is_told_of_the_others_that_are_there(nodes: Nodes) -> None:
    for held in nodes.stores:
        held.store.introduce({"web": "on"}, {})
        held.wait(held.store.beat(0))
    nodes.stores[0].close()
    third = nodes.start("c")
    assert [(other.name, other.holds) for other in third.prepared.others] == [("b", {"web": "on"})]


def test_one_that_was_not_there_for_a_week_is_told_of_no_more(nodes: Nodes, postgresql: Server) -> None:
    for held in nodes.stores:
        held.store.introduce({}, {})
        held.wait(held.store.beat(0))
    nodes.stores[0].close()
    with closing(Link(Servers(nodes.where), suits)) as link:
        assert [(one.name, one.lease is None) for one in states(link)] == [("a", True), ("b", False)]
        postgresql.ask("UPDATE chat.nodes SET heard_at = heard_at - 8 * 86400 * 1000000::bigint", "chat")
        assert [one.name for one in states(link)] == ["b"]


def test_secrets_are_what_the_first_has_put_and_who_else_may_read_them_is_told(
    nodes: Nodes, postgresql: Server
) -> None:
    here, there = (Secrets(nodes.where, held.prepared.writer) for held in (nodes.start("c"), nodes.start("d")))
    with here.alone():
        assert here.get("key") is None
        here.put("key", "one")
    with there.alone():
        assert there.get("key") == "one"
        there.put("key", "two")
    with here.alone():
        assert here.get("key") == "two"
        here.put("key", None)
    with there.alone():
        assert there.get("key") is None
    assert here.readers() == []
    postgresql.ask("CREATE ROLE curious")
    try:
        postgresql.ask("GRANT SELECT ON chat.secrets TO curious, PUBLIC", "chat")
        assert sorted(here.readers()) == ["PUBLIC", "curious"]
        postgresql.ask("GRANT USAGE ON SCHEMA chat TO curious", "chat")
        link = nodes.stores[-2].prepared.writer
        link.ask("SET ROLE curious")
        assert here.readers() == ["PUBLIC"]  # it is the chat's own
        link.ask("RESET ROLE")
    finally:
        postgresql.ask("DROP OWNED BY curious", "chat")
        postgresql.ask("DROP ROLE curious")


def test_a_record_that_takes_away_what_is_not_there_is_told_and_kept_nowhere(nodes: Nodes, postgresql: Server) -> None:
    gone = Record("forgotten", '[["p"], ["caf\u00e9"]]', None)
    nodes.commit(0, batch(records=[gone]))
    assert nodes.hear(1, 1)[0].records == [gone]
    assert postgresql.ask("SELECT count(*) FROM chat.records", "chat") == [(0,)]


def of_many(count: int) -> Batch:
    sessions = {f"d{number:05}": session("p") for number in range(count)}
    return batch(people={"p": person("amy")}, sessions=sessions)._replace(claims=[Claim("p", "amelia")])


def test_many_sessions_are_adopted_in_parts_between_which_others_have_their_turns(
    nodes: Nodes, postgresql: Server
) -> None:
    nodes.commit(0, of_many(2 * limits.ADOPTED_AT_ONCE + 1))
    postgresql.ask("UPDATE chat.servers SET until = 1 WHERE node = 'a'", "chat")
    other = nodes.stores[1]
    nodes.hear(1, 1)
    other.store.adopt("a")
    committed = other.store.commit(batch(lines("meanwhile")))
    first = nodes.hear(1, 2)[-1]
    assert (len(first.ended), first.claims) == (limits.ADOPTED_AT_ONCE, [])
    assert other.wait(committed).firsts == {"#lobby": 1}
    assert len(nodes.told[1]) == 2
    parts = nodes.hear(1, 4)[1:]
    assert [len(part.ended) for part in parts] == [limits.ADOPTED_AT_ONCE, limits.ADOPTED_AT_ONCE, 1]
    assert parts[-1].claims == [Claim("p", "amy")]
    assert len({digest for part in parts for digest in part.ended}) == 2 * limits.ADOPTED_AT_ONCE + 1
    with pytest.raises(TakenForGone):
        nodes.commit(0, batch(lines("never")))
    assert len(nodes.told[0]) == 4
    again = nodes.start("c").prepared.kept
    assert set(again.elsewhere.values()) == {"b"}
    assert {record.ended_at for record in again.remembered.sessions.values() if record} == {
        part.ended[digest] for part in parts for digest in part.ended
    }


def test_of_one_that_is_there_again_no_more_is_adopted(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, of_many(limits.ADOPTED_AT_ONCE + 1))
    postgresql.ask("UPDATE chat.servers SET until = 1 WHERE node = 'a'", "chat")
    b = nodes.stores[1].prepared
    adoption = Adoption(b.epoch, "a", lapsed=True)
    assert adoption.go_on(b.writer)
    nodes.hear(0, 1)
    assert nodes.stores[0].wait(nodes.stores[0].store.beat(0)) == []
    assert not adoption.go_on(b.writer)
    assert set(nodes.start("c").prepared.kept.elsewhere.values()) == {"a", "b"}
    assert len(nodes.commit(0, batch(lines("here"))).firsts) == 1


def test_one_that_adopts_and_dies_leaves_the_rest_to_another_one(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, of_many(limits.ADOPTED_AT_ONCE + 1))
    postgresql.ask("UPDATE chat.servers SET until = 1 WHERE node = 'a'", "chat")
    third = nodes.start("c")
    b = nodes.stores[1].prepared
    assert Adoption(b.epoch, "a", lapsed=True).go_on(b.writer)
    assert third.wait(third.store.beat(0)) == ["a"]
    third.wait(third.store.adopt("a"))
    assert sorted(nodes.start("d").prepared.kept.elsewhere.values()) == [*["b"] * limits.ADOPTED_AT_ONCE, "c"]
    assert third.wait(third.store.beat(0)) == []


LATER = START + timedelta(minutes=5)


def read_so_far(seq: int, at: datetime = LATER) -> Progress:
    return Progress(at, at, {"#lobby": seq}, {"#lobby": seq})


def read_on(nodes: Nodes, node: int, seq: int, at: datetime = LATER) -> None:
    """Whoever comes by the session d has read so far on this node."""
    nodes.stores[node].wait(nodes.stores[node].store.keep_progress({"d": read_so_far(seq, at)}))


def known(nodes: Nodes, node: int) -> Progress | None:
    """How far that is, as this node is told."""
    found: Progress | None = nodes.stores[node].wait(nodes.stores[node].store.progress(["d", "x"])).get("d")
    return found


def started(nodes: Nodes, name: str) -> Any:
    """What one finds that starts: up to where the session was given the lobby, and amy has read it."""
    amy, hers = (some[key] for some, key in zip(nodes.start(name).prepared.kept.remembered, "pd", strict=True))
    return hers.given["#lobby"], hers.seen_at, amy.read["#lobby"], amy.spoke_at


def test_how_far_people_have_read_is_kept_beside_the_turns(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, AMY_COMES)
    with psycopg.connect(postgresql.address("chat")) as other:
        other.execute("SELECT chat.hold(1)")  # nobody has a turn meanwhile
        read_on(nodes, 0, 3)
        read_on(nodes, 0, 4)
    assert known(nodes, 1) == read_so_far(4)
    assert started(nodes, "c") == (4, LATER, 4, LATER)
    assert nodes.commit(0, batch(lines("one"))).firsts == {"#lobby": 1}
    assert postgresql.ask("SELECT tick FROM chat.clock", "chat") == [(2,)]


def test_a_record_that_is_stored_later_says_anew_up_to_where_somebody_was_given_a_log(nodes: Nodes) -> None:
    nodes.commit(0, AMY_COMES)
    read_on(nodes, 0, 7)
    nodes.commit(0, batch(sessions={"d": session("p", given={"#lobby": 5})}))
    assert known(nodes, 1) == read_so_far(7)._replace(given={"#lobby": 5}, seen_at=START)
    assert started(nodes, "c") == (5, START, 7, LATER)
    # What was given after a batch stands behind it.
    store = nodes.stores[0].store
    store.commit(batch(sessions={"d": session("p", given={"#lobby": 6})}))
    read_on(nodes, 0, 8)
    assert started(nodes, "e") == (8, LATER, 8, LATER)


def test_how_far_somebody_has_read_is_said_by_the_node_whose_session_it_is(nodes: Nodes) -> None:
    nodes.commit(0, AMY_COMES)
    nodes.hear(1, 1)
    nodes.commit(1, batch(sessions={"d": session("p", given={"#lobby": 2})}))
    read_on(nodes, 0, 9)
    told = known(nodes, 0)
    assert told is not None
    assert (told.given, told.seen_at, dict(told.read)) == ({"#lobby": 2}, START, {})
    read_on(nodes, 1, 3)
    read_on(nodes, 0, 9)
    assert known(nodes, 0) == read_so_far(3)


def test_who_has_begun_before_the_session_was_anothers_has_not_the_last_word(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, AMY_COMES)
    read_on(nodes, 0, 1)
    nodes.hear(1, 1)
    nodes.commit(1, batch(sessions={"d": session("p", given={"#lobby": 2})}))
    read_on(nodes, 1, 3)
    # As of the time before, which it looked at.
    postgresql.ask("UPDATE chat.sessions SET node = 'a', tick = 1", "chat")
    read_on(nodes, 0, 9)
    postgresql.ask("UPDATE chat.sessions SET node = 'b', tick = 2", "chat")
    assert known(nodes, 0) == read_so_far(3)


def test_of_a_node_that_dies_and_of_one_that_is_started_again_it_is_known(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, AMY_COMES)
    read_on(nodes, 0, 4)
    postgresql.ask("UPDATE chat.servers SET until = 1 WHERE node = 'a'", "chat")
    nodes.stores[1].wait(nodes.stores[1].store.adopt("a"))
    assert known(nodes, 1) == read_so_far(4)
    again = nodes.start_again(1)
    assert known(nodes, 2) == read_so_far(4)
    again.wait(again.store.keep_progress({"d": read_so_far(6)}))
    read_on(nodes, 1, 9)  # who was this node before
    assert started(nodes, "c") == (6, LATER, 6, LATER)


def test_of_whoever_is_gone_nothing_is_left_of_it(nodes: Nodes, postgresql: Server) -> None:
    nodes.commit(0, AMY_COMES)
    read_on(nodes, 0, 4)
    nodes.commit(0, batch(sessions={"d": None}, people={"p": None}))
    read_on(nodes, 0, 5)
    assert known(nodes, 0) is None
    held = nodes.stores[0]
    held.wait(held.store.forget(Forgotten({"p"}, {"amy"}), 0))
    assert postgresql.ask("SELECT * FROM chat.progress", "chat") == []


@pytest.mark.parametrize("waits", [False, True])
def test_one_that_did_not_listen_for_an_hour_is_told_of_all_that_is_held(
    nodes: Nodes, postgresql: Server, waits: bool
) -> None:
    nodes.commit(0, batch(lines("one"), records=[Record("topic", "#lobby", "tea")]))
    hear_now(nodes, 1, 1)
    listens = "query LIKE '%FROM clock WHERE NOT EXISTS%' AND pid != pg_backend_pid()"
    postgresql.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listens}")
    for number in range(5):
        nodes.commit(0, batch(lines(f"{number}", key="#ops")))
    nodes.commit(0, AMY_COMES)
    own = nodes.stores[1].store.commit(batch(lines("mine"))) if waits else None
    if waits:
        time.sleep(0.3)
        nodes.commit(0, batch(lines("last")))
    postgresql.ask("DELETE FROM chat.turns", "chat")
    if own is not None:
        assert nodes.stores[1].wait(own).firsts == {"#lobby": 2}
    told = nodes.hear(1, 3 if waits else 2)[1:]
    if waits:
        assert told[0].heads == {"#lobby": 1}
    held = told[-1].anew
    assert held is not None
    assert {log.key: log.head for log in held.logs if log.key in ("#ops", "#lobby")} == {
        "#lobby": 3 if waits else 1,
        "#ops": 5,
    }
    assert held.records == [Record("topic", "#lobby", "tea")]
    assert held.remembered.people.keys() == {"p"}
    assert held.claims == [Claim("p", "amy")]
    nodes.commit(0, batch(lines("next")))
    assert nodes.hear(1, len(nodes.told[1]) + 1)[-1].appended[0].entries[0].fact == Message(AMY, "next")
    assert nodes.commit(1, batch(lines("again"))).firsts == {"#lobby": 5 if waits else 3}
