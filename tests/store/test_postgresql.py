"""A database of PostgreSQL: who may use it, what is refused at the start, and what becomes of lines while it is
away."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from socket import create_server
from typing import Any

import pytest
from database import AMY, START, batch, lines, person, session
from hypothesis import given, settings
from hypothesis import strategies as st
from test_remembered import PEOPLE, SESSIONS

from chat.base import limits
from chat.base.errors import NotStored, Refused
from chat.base.language import language
from chat.core.ports import (
    Admission,
    Duplicates,
    InDoubt,
    Known,
    LineId,
    PersonRecord,
    Place,
    Query,
    Redaction,
    Remembered,
    Token,
)
from chat.store import address
from chat.store.keep import Size
from chat.store.unusable import Unusable

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'twisted-chat[postgres]'")

from postgresql import Server, Stored, followed, stored, until  # noqa: E402  # they need it

from chat.store.postgresql import connection  # noqa: E402
from chat.store.postgresql.connection import Link  # noqa: E402
from chat.store.postgresql.exchange import Unreachable  # noqa: E402
from chat.store.postgresql.opening import examine, prepare  # noqa: E402
from chat.store.postgresql.servers import Servers, Standing  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.door]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a database that is away."""
    monkeypatch.setattr(limits, "STATEMENT_SECONDS", 0.4)
    monkeypatch.setattr(limits, "STORE_AWAY_SECONDS", 1.5)
    monkeypatch.setattr(limits, "RECONNECT_MOST_SECONDS", 0.1)


@pytest.fixture
def own(postgresql: Server) -> Iterator[Server]:
    """The server, which a test may stop, or set otherwise."""
    yield postgresql
    postgresql.stop()
    (postgresql.directory / "data" / "postgresql.auto.conf").write_text("")
    postgresql.start()


def refusal(where: str) -> str:
    try:
        prepare(where).writer.close()
    except Unusable as error:
        return language("en").words(error.sentence)
    raise AssertionError(f"{where} was accepted")


def writer_of(server: Server) -> int:
    """The process of PostgreSQL that answers the one who writes: it holds the lock."""
    ((pid,),) = server.ask("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND objid = 1")
    return int(pid)


@contextmanager
def hanging(*processes: int) -> Iterator[None]:
    """These do nothing, and do not end either."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def commit_in_doubt(held: Stored, *appended: Any, **more: Any) -> Any:
    """The Deferred that tells later what became of a batch."""
    with pytest.raises(InDoubt) as caught:
        held.wait(held.store.commit(batch(*appended, **more)))
    return caught.value.later


# At the start.


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("synchronous_commit", "PostgreSQL has synchronous_commit = off: what was acknowledged would be gone"),
        ("fsync", "PostgreSQL has fsync = off: what was acknowledged would be gone"),
    ],
)
def test_a_server_that_forgets_at_a_power_cut_is_refused(own: Server, setting: str, said: str) -> None:
    own.ask(f"ALTER SYSTEM SET {setting} = off")
    own.ask("SELECT pg_reload_conf()")
    time.sleep(0.3)
    assert refusal(own.address()).startswith(said)


def test_a_database_in_another_encoding_is_refused(postgresql: Server) -> None:
    with suppress(psycopg.errors.DuplicateDatabase):
        postgresql.ask("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    assert refusal(postgresql.address("ascii")).startswith("The database is encoded in SQL_ASCII. One made with")


def test_one_that_another_server_uses_is_refused_until_that_has_ended(postgresql: Server) -> None:
    where = postgresql.emptied()
    with stored(where):
        assert refusal(where) == f"Another server uses {where}. Stop it, or choose another one with --database."
        with pytest.raises(Unusable):
            examine(where)
    assert examine(where) == ()
    prepare(where).writer.close()


def test_one_that_belongs_to_another_program_is_refused(postgresql: Server) -> None:
    where = postgresql.emptied()
    postgresql.ask("CREATE SCHEMA chat", "chat")
    assert "belongs to another program" in refusal(where)


def test_whoever_may_not_use_it_is_told_so(postgresql: Server) -> None:
    where = postgresql.emptied()
    prepare(where).writer.close()
    with suppress(psycopg.errors.DuplicateObject):
        postgresql.ask("CREATE ROLE guest LOGIN")
    assert "permission denied for schema chat" in refusal(f"{where}?user=guest")


def test_one_of_a_newer_version_is_refused(postgresql: Server) -> None:
    where = postgresql.emptied()
    prepare(where).writer.close()
    postgresql.ask("UPDATE chat.version SET number = 99", "chat")
    assert "was written by a newer version of this server" in refusal(where)


def test_a_record_that_no_version_wrote_is_told(postgresql: Server) -> None:
    where = postgresql.emptied()
    with stored(where):
        postgresql.ask("INSERT INTO chat.records VALUES ('measure', '#lobby', 'nonsense')", "chat")
    assert "is damaged (records measure #lobby: not as it was written)" in refusal(where)


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://amy:secret@127.0.0.1:1/chat",
        "postgresql://amy:secret@[/%zz?x",
        "postgresql://amy:secret@127.0.0.1/chat?connect_timeout=x",
    ],
)
def test_no_password_is_said_where_nobody_answers(where: str) -> None:
    said = refusal(where)
    assert "cannot be used" in said
    assert "secret" not in said


def test_a_server_that_only_follows_is_left_for_the_next_one(own: Server) -> None:
    where = own.emptied()
    own.ask("ALTER DATABASE chat SET default_transaction_read_only = on")
    assert "read-only" in refusal(where)
    own.ask("ALTER DATABASE chat RESET default_transaction_read_only")
    with stored(where.replace("127.0.0.1:", "127.0.0.1:1,127.0.0.1:")) as held:
        held.commit(lines("one"))


# What is kept.


def test_what_was_kept_is_there_after_a_crash_of_the_database_and_a_new_start(own: Server) -> None:
    where = own.emptied()
    with stored(where) as held:
        held.commit(lines("one"), ids=[("c1", Place("#lobby", "#LOBBY", 1, START))])
    own.stop()
    own.start()
    with stored(where) as held:
        assert held.texts() == ["one"]
        assert held.wait(held.store.known([LineId(AMY.person, "c1")])) != {}
        assert [log.head for log in held.prepared.kept.logs] == [1]


def test_what_was_said_under_another_folding_is_found_after_the_next_start(postgresql: Server) -> None:
    where = postgresql.emptied()
    with stored(where) as held:
        held.commit(lines("one"))
        postgresql.ask("UPDATE chat.entries SET folded = 'eno'", "chat")
        postgresql.ask("UPDATE chat.search_made_by SET folding = 'before'", "chat")
    with stored(where) as held:
        assert held.wait(held.store.said(Query(["#lobby"], 5, words="one"))).total == 1


def test_a_line_that_was_taken_back_is_neither_read_nor_found(postgresql: Server) -> None:
    with stored(postgresql.emptied()) as held:
        held.commit(lines("secret", "other"))
        held.commit(redactions=[Redaction("#lobby", [1])])
        assert held.texts() == ["", "other"]
        assert held.wait(held.store.said(Query(["#lobby"], 5, words="secret"))).total == 0
        assert postgresql.ask(
            "SELECT count(*) FROM chat.entries WHERE text = 'secret' OR folded = 'secret'", "chat"
        ) == [(0,)]
        assert postgresql.ask("SELECT said, size FROM chat.logs", "chat") == [(1, 150 + 157)]


def test_a_log_that_is_written_to_again_and_again_uses_up_no_numbers_of_logs(postgresql: Server) -> None:
    with stored(postgresql.emptied()) as held:
        for seq in range(1, 20):
            held.commit(lines("one", first=seq))
        held.commit(lines("two", key="#ops"))
        assert postgresql.ask("SELECT key, id FROM chat.logs ORDER BY id", "chat") == [("#lobby", 1), ("#ops", 2)]


# The database is away.


def test_a_connection_that_was_cut_is_not_noticed(own: Server, quick: None) -> None:
    with stored(own.emptied()) as held:
        held.commit(lines("one"))
        own.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        held.commit(lines("two", first=2))
        own.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        assert held.texts() == ["one", "two"]


def test_a_turn_whose_answer_does_not_come_is_kept_once_and_answered_as_it_is(own: Server, quick: None) -> None:
    with stored(own.emptied()) as held:
        held.commit(lines("one"))
        with hanging(writer_of(own)):
            held.commit(lines("two", first=2), ids=[("c1", Place("#lobby", "#LOBBY", 2, START))])
        held.commit(lines("three", first=3))
        assert held.texts() == ["one", "two", "three"]


def test_while_the_database_is_away_lines_are_refused_and_the_one_on_its_way_is_answered_when_it_is_back(
    own: Server, quick: None
) -> None:
    with stored(own.emptied()) as held:
        held.commit(lines("one"))
        with hanging(writer_of(own), own.pid):
            later = commit_in_doubt(held, lines("two", first=2), ids=[("c2", Place("#lobby", "#LOBBY", 2, START))])
            found: list[Any] = []
            asked = held.store.known([LineId(AMY.person, "c2")]).addCallback(found.append)
            with pytest.raises(NotStored, match="the database cannot be reached"):
                held.wait(held.store.commit(batch(lines("never", first=2))))
            with pytest.raises(Refused, match="cannot be read now"):
                held.wait(held.store.said(Query(["#lobby"], 5)))
            assert not found
        held.wait(later)
        held.wait(asked)
        assert [known.place.seq for known in found[0].values()] == [2]
        held.commit(lines("three", first=3))
        assert held.texts() == ["one", "two", "three"]


def test_where_nothing_was_sent_all_is_refused_until_it_is_back(own: Server, quick: None) -> None:
    with stored(own.emptied()) as held:
        held.commit(lines("one"))
        own.stop()
        # The connection of before is found dead by asking, so of this one it is not known.
        later = commit_in_doubt(held, lines("two", first=2))
        own.start()
        held.wait(later)
        own.stop()
        held.prepared.writer.close()
        with pytest.raises(NotStored):
            held.wait(held.store.commit(batch(lines("three", first=3))))
        with pytest.raises(NotStored):
            held.wait(held.store.commit(batch(lines("three", first=3))))
        own.start()
        ends_at = time.monotonic() + 20
        while held.store._away and time.monotonic() < ends_at:
            held.call_next()
        held.commit(lines("three", first=3))
        assert held.texts() == ["one", "two", "three"]


def test_nobody_waits_until_the_last_of_several_servers_has_not_answered_either(own: Server, quick: None) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(create_server(("127.0.0.1", 0))) for _ in range(3)]
        ports = [str(own.port), *(str(one.getsockname()[1]) for one in silent)]
        hosts, where = ",".join(["127.0.0.1"] * 4), own.emptied().rpartition("/")[2]
        held = stack.enter_context(stored(f"postgresql://chat@/{where}?host={hosts}&port={','.join(ports)}"))
        held.commit(lines("one"))
        own.stop()
        began = time.monotonic()
        later = commit_in_doubt(held, lines("two", first=2))
        assert time.monotonic() - began < 1.5 * limits.CONNECT_SECONDS
        own.start()
        held.wait(later)
        assert held.texts() == ["one", "two"]


def test_a_reader_waits_for_a_page_and_does_not_take_it_for_gone(own: Server, quick: None) -> None:
    with stored(own.emptied()) as held:
        held.commit(lines("one"))
        own.stop()
        page = held.store.after("#lobby", 0, 10)
        found: list[Any] = []
        page.addCallback(found.append)
        held.call_next()
        assert not found
        own.start()
        while not found:
            held.call_next()
        assert [entry.fact.text for entry in found[0]] == ["one"]


def test_one_that_lost_what_was_acknowledged_is_not_asked_any_more(own: Server, quick: None) -> None:
    """As a standby that was promoted without it."""
    with stored(own.emptied()) as held:
        held.commit(lines("one"))
        own.ask("UPDATE chat.clock SET tick = tick - 1", "chat")
        own.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        later = commit_in_doubt(held, lines("two", first=2))
        own.ask("UPDATE chat.clock SET tick = tick + 1", "chat")
        held.wait(later)
        assert held.texts() == ["one", "two"]


def test_a_server_that_another_one_has_followed_writes_nothing_any_more(own: Server, quick: None) -> None:
    where = own.emptied()
    with stored(where) as held:
        held.commit(lines("one"))
        own.stop()
        own.start()
        with stored(where) as next_one:
            next_one.commit(lines("two", first=2))
            with pytest.raises(NotStored, match="another server uses the database now"):
                held.wait(held.store.commit(batch(lines("never", first=2))))
            assert next_one.texts() == ["one", "two"]


def test_lines_that_are_known_are_told_also_where_the_answer_was_lost(own: Server, quick: None) -> None:
    place = Place("#lobby", "#LOBBY", 1, START)
    with stored(own.emptied()) as held:
        held.commit(lines("one"), ids=[("c1", place)])
        own.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        with pytest.raises(Duplicates) as caught:
            held.commit(lines("one", first=2), ids=[("c1", place._replace(seq=2))])
        assert caught.value.known == {LineId(AMY.person, "c1"): Known(place, 1)}


# Its address.


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("postgresql://amy:secret@db1,db2:5433/chat", "postgresql://amy@db1,db2:5433/chat"),
        ("postgresql://db/chat?password=secret&sslmode=require", "postgresql://db/chat?sslmode=require"),
        ("postgres:///chat", "postgres:///chat"),
        ("postgresql://amy:se@cret@db/chat", "postgresql://amy@db/chat"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(where: str, shown: str) -> None:
    assert address.shown(where) == shown


# What goes, and who can come back.


@settings(max_examples=12)
@given(
    rooms=st.lists(st.tuples(st.sampled_from(["#lobby", "#ops", "@p-bob"]), st.integers(1, 30)), max_size=5),
    keep=st.sampled_from([1, 7, timedelta(minutes=9), Size(1), Size(2_000), Size(9_000)]),
)
def test_what_is_taken_away_is_the_same_as_from_a_file(opened_as: Any, rooms: list[tuple[str, int]], keep: Any) -> None:
    with opened_as("postgresql") as one, opened_as("sqlite") as other:
        heads: dict[str, int] = {}
        for key, count in rooms:
            added = lines(*["word " * number for number in range(count)], first=heads.get(key, 0) + 1, key=key)
            heads[key] = added.entries[-1].seq
            for held in (one, other):
                held.commit(added, people={"p-bob": person("bob")})
        now = START + timedelta(hours=1)
        assert one.wait(one.store.due(keep, now)) == other.wait(other.store.due(keep, now))
        gone = None
        while gone is None or gone.rows:
            gone = one.wait(one.store.trim(keep, now))
            assert gone == other.wait(other.store.trim(keep, now))
        for key in heads:
            assert one.entries(key) == other.entries(key)


def as_read(record: PersonRecord) -> PersonRecord:
    """With its sequences as they are read: none of them changes."""
    return record._replace(senders=tuple(record.senders), tokens=tuple(record.tokens))


@settings(max_examples=25)
@given(
    changes=st.lists(
        st.tuples(st.dictionaries(st.sampled_from("ab"), PEOPLE), st.dictionaries(st.sampled_from("xy"), SESSIONS)),
        max_size=5,
    )
)
def test_people_and_sessions_are_as_they_were_kept_last(postgresql: Server, changes: list[Any]) -> None:
    where = postgresql.cleared()
    people: dict[str, Any] = {}
    sessions: dict[str, Any] = {}
    with stored(where) as held:
        for some, others in changes:
            held.commit(people=some, sessions=others)
            people.update(some)
            sessions.update(others)
    with stored(where) as held:
        remembered = held.prepared.kept.remembered
    assert remembered.people == {id: as_read(record) for id, record in people.items() if record is not None}
    assert remembered.sessions == {id: record for id, record in sessions.items() if record is not None}


def test_all_that_belongs_to_somebody_comes_back_in_its_order(postgresql: Server) -> None:
    where = postgresql.emptied()
    amy = person(
        "amy",
        away="at tea",
        last_from="p-bob",
        rooms={"#z": 3, "#a": 1},
        read={"#z": 2},
        ignored={"p-x": "x"},
        senders=["p-y"],
        password="hash",
        roles={"#z": "owner", "*": "operator"},
        tokens=[Token("d", "bot", ["#z"], True, START, None), Token("e", "post", [], False, START, START)],
        admitted={"#z": Admission(4, True), "#b": Admission(0, False)},
        user="ana",
        realname="Ana &",
    )
    mine = session("p-amy", ended_at=START, given={"#z": 1}, token="bot", guest="p-guest", language="es")
    with stored(where) as held:
        held.commit(lines("hi", key="#z"), people={"p-amy": amy}, sessions={"d": mine})
    with stored(where) as held:
        kept = held.prepared.kept
    assert kept.remembered.people["p-amy"] == as_read(amy)
    assert list(kept.remembered.people["p-amy"].rooms) == ["#z", "#a"]
    assert kept.remembered.sessions["d"] == mine
    assert [log.key for log in kept.logs] == ["#z"]


def test_what_a_node_of_a_later_version_keeps_of_people_is_left_out(postgresql: Server) -> None:
    where = postgresql.emptied()
    with stored(where) as held:
        held.commit(people={"p": person("amy")}, sessions={"d": session("p")})
    for table in ("people", "sessions"):
        postgresql.ask(f"UPDATE chat.{table} SET record = (record::jsonb || '{{\"later\": [1]}}')::text", "chat")
    with stored(where) as held:
        assert held.prepared.kept.remembered == Remembered({"p": as_read(person("amy"))}, {"d": session("p")})


# With a standby.


@pytest.fixture
def pair(own: Server) -> Iterator[tuple[Server, Server, str]]:
    """A primary that waits for its standby, that, and the address of both."""
    own.emptied()
    with followed(own) as standby:
        yield own, standby, f"postgresql://chat@127.0.0.1:{own.port},127.0.0.1:{standby.port}/chat"


@pytest.mark.parametrize("old_one", ["ends", "comes back", "goes on alone"])
def test_a_line_that_the_standby_never_got_is_seen_by_nobody_and_kept_once_after_its_promotion(
    pair: tuple[Server, Server, str], quick: None, old_one: str
) -> None:
    primary, standby, both = pair
    with stored(both) as held:
        held.commit(lines("one"))
        standby.stop("fast")
        later = commit_in_doubt(held, lines("two", first=2), ids=[("c1", Place("#lobby", "#LOBBY", 2, START))])
        assert primary.ask("SELECT count(*) FROM chat.entries", "chat") == [(1,)]
        if old_one != "goes on alone":
            primary.stop()
        if old_one == "comes back":  # with the line, which it had written, and nobody has confirmed
            primary.start()
            assert primary.ask("SELECT count(*) FROM chat.entries", "chat") == [(2,)]
            time.sleep(2 * limits.STATEMENT_SECONDS)
            assert not later.called
        standby.start()
        standby.promote()
        if old_one == "goes on alone":
            until(lambda: held.prepared.writer.servers.has_later(Standing(*place_of(primary), False)))
            primary.wait_for_a_standby(False)
        held.wait(later)
        held.commit(lines("three", first=3))
        assert held.texts() == ["one", "two", "three"]
        assert standby.ask("SELECT count(*), count(DISTINCT id) FROM chat.entries", "chat") == [(3, 3)]


def place_of(server: Server) -> tuple[int, int]:
    """Which system it is, and its timeline, as PostgreSQL itself says after a checkpoint."""
    server.ask("CHECKPOINT")
    asked = "SELECT system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint()"
    ((system, timeline),) = server.ask(asked)
    return system, timeline


def take_writes(primary: Server, standby: Server) -> None:
    """The standby is promoted, and each of the two keeps what is written to it alone."""
    standby.promote()
    for server in (primary, standby):
        server.wait_for_a_standby(False)


def test_a_primary_that_goes_on_is_left_for_the_one_that_was_promoted(
    pair: tuple[Server, Server, str], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BEAT_SECONDS", 0.1)
    primary, standby, both = pair
    with stored(both) as held:
        held.commit(lines("one"))
        take_writes(primary, standby)
        until(lambda: held.prepared.writer.is_replaced)
        held.commit(lines("two", first=2))
        assert held.texts() == ["one", "two"]
        assert standby.ask("SELECT count(*) FROM chat.entries", "chat") == [(2,)]
        assert primary.ask("SELECT count(*) FROM chat.entries", "chat") == [(1,)]


def test_who_connects_anew_and_reaches_two_primaries_asks_the_one_that_was_promoted(
    pair: tuple[Server, Server, str], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BEAT_SECONDS", 100)
    primary, standby, both = pair
    with stored(both) as held:
        held.commit(lines("one"))
        take_writes(primary, standby)
        primary.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat'")
        held.commit(lines("two", first=2))
        assert primary.ask("SELECT count(*) FROM chat.entries", "chat") == [(1,)]
        assert held.texts() == ["one", "two"]


def test_one_that_follows_the_promoted_one_tells_of_it_as_well(pair: tuple[Server, Server, str], quick: None) -> None:
    primary, standby, _ = pair
    standby.promote()
    primary.wait_for_a_standby(False)
    with followed(standby) as third:
        assert "read-only" in refusal(f"postgresql://chat@127.0.0.1:{primary.port},127.0.0.1:{third.port}/chat")


def test_a_server_that_does_not_answer_costs_who_reaches_the_primary_a_moment(postgresql: Server) -> None:
    with create_server(("127.0.0.1", 0)) as silent:
        ports = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{postgresql.port}"
        postgresql.emptied()
        began = time.monotonic()
        prepare(f"postgresql://chat@{ports}/chat").writer.close()
        assert time.monotonic() - began < limits.CONNECT_SECONDS


def test_what_a_server_answers_that_was_replaced_meanwhile_is_not_believed(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = Servers(f"{postgresql.emptied()}?host=127.0.0.1,127.0.0.1&port={postgresql.port},1")
    system, timeline = place_of(postgresql)
    with closing(Link(servers, lambda link: None)) as link:
        link.ask("SELECT 1")
        asked = connection.exchange

        def exchange(*what: Any) -> Any:
            answer = asked(*what)
            servers.know(Standing(system, timeline + 1, False))
            return answer

        monkeypatch.setattr(connection, "exchange", exchange)
        with pytest.raises(Unreachable) as caught:
            link.ask("SELECT 2")
        assert caught.value.asked
        with pytest.raises(Unreachable):
            link.ask("SELECT 3")


def test_without_its_standby_a_primary_is_not_waited_for_at_the_start(
    pair: tuple[Server, Server, str], quick: None
) -> None:
    primary, standby, _ = pair
    prepare(primary.address("chat")).writer.close()
    standby.stop("fast")
    assert "cannot be used (it does not answer)" in refusal(primary.address("chat"))
