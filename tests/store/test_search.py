"""That what was said is found in every script, alike in both stores, indexed or not yet."""

# ruff: noqa: RUF001  # letters of every script are what this is about

import os
import sqlite3
import sys
import unicodedata
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from database import AT_LENGTH, START, Database, Reactor, batch, lines, opened
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import succeed

from chat.base import folding, limits
from chat.base.folding import holds, phrases, tokens
from chat.core.ports import Place, Query
from chat.store.memory import MemoryStore
from chat.store.sqlite.schema import MIGRATIONS, prepare

FOUND = [
    ("我们明天去北京开会", "北京"),
    ("これはとても面白い", "面白"),
    ("昨日docker落ちた", "docker"),
    ("ฉันกินข้าวเช้าแล้ว", "ข้าว"),
    ("ຂ້ອຍກິນເຂົ້າ", "ກິນ"),
    ("ខ្ញុំញ៉ាំបាយ", "បាយ"),
    ("ကျွန်တော်ထမင်းစား", "ထမင်း"),
    ("서버를 다시 켰다", "서버"),
    ("Η Ελλάδα είναι", "ελλαδα"),
    ("ο λόγος", "ΛΟΓΟΣ"),
    ("Ёлка горит", "елка"),
    ("Die STRASSE", "straße"),
    ("Ispanakları", "ISPANAKLARI"),
    ("smørrebrød i Łódź", "smorrebrod lodz"),
    ("שָׁלוֹם לכם", "שלום"),
    ("مُحَمَّد هنا", "محمد"),
    ("می\u200cروم", "ميروم"),
    ("ｆｕｌｌ ﾜｲﾄﾞ", "full ワイド"),
    ("the ﬁle", "file"),
    ("ᲗᲑᲘᲚᲘᲡᲘ", "თბილისი"),
    ("ok 👍🏽", "👍"),
    ("it is 5€", "€"),
    ("I like C++ best", "c++"),
    ("C# too", "c#"),
]
NOT_FOUND = [("दान किया", "दिन"), ("in c it is", "c++"), ("mad", "ma"), ("はは", "ば"), ("мои дом", "мой")]


@pytest.mark.parametrize(("text", "words"), FOUND)
def test_what_was_said_is_found_composed_or_not(text: str, words: str) -> None:
    for form in ("NFC", "NFD", "NFKD"):
        assert holds(unicodedata.normalize(form, text), phrases(words))
        assert holds(text, phrases(unicodedata.normalize(form, words)))


@pytest.mark.parametrize(("text", "words"), NOT_FOUND)
def test_another_word_is_not_found(text: str, words: str) -> None:
    assert phrases(words)
    assert not holds(text, phrases(words))


SCRIPTS = [
    *("abcé", "αβγά", "абёй", "אבָג", "ابَة", "अआिन", "কখি", "ਕਖਿ", "કખિ", "କଖି", "கஙி", "కఖి", "ಕಖಿ", "കഖി", "කඛි"),
    *(
        "กขาี",
        "ກຂາີ",
        "កខាិ",
        "ကခာိ",
        "한국어",
        "漢字漢",
        "かなが",
        "カナガ",
        "აბგ",
        "աբգ",
        "አበገ",
        "ꀀꀁ",
        "ཀཁི",
        "ᏣᎳᎩ",
        "ߊߋ",
    ),
    "👍€+#-.'\" \u200d\u0301\ud7ff",
]
texts = st.lists(st.sampled_from(SCRIPTS).flatmap(lambda signs: st.text(signs, max_size=5)), max_size=4).map("".join)


@pytest.mark.parametrize("kind", AT_LENGTH)
@given(
    said=st.lists(texts | st.text(max_size=8), max_size=8), asked=st.lists(texts, max_size=6), most=st.integers(1, 9)
)
@settings(max_examples=60, deadline=None)
def test_all_stores_find_alike_indexed_and_not(
    opened_as: Any, kind: str, said: list[str], asked: list[str], most: int
) -> None:
    said = [text.replace("\0", "").encode("utf-8", "ignore").decode() for text in said]
    memory, reactor = MemoryStore(), Reactor()
    with opened_as(kind) as database:
        middle = len(said) // 2
        for first, half in ((1, said[:middle]), (middle + 1, said[middle:])):
            database.index()
            if half:
                appended = lines(*half, first=first)
                database.commit(appended)
                memory.commit(batch(appended))
        for words in [*asked, *said]:
            query = Query(["#lobby"], most, words=words)
            expected = reactor.wait(memory.said(query))
            assert database.wait(database.store.said(query)) == expected
        database.index()
        for words in [*asked, *said]:
            query = Query(["#lobby"], most, words=words)
            assert database.wait(database.store.said(query)) == reactor.wait(memory.said(query))


@given(st.text("漢字かなกขค한국", min_size=2, max_size=12), st.data())
def test_any_two_letters_of_a_script_without_blanks_are_found(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text) - 2))
    assert holds(text, phrases(text[begin : begin + 2]))


def found(database: Database, words: str) -> int:
    return database.wait(database.store.said(Query(["#lobby"], 50, words=words))).total


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_an_insert_writes_no_row_of_the_index_and_a_step_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INDEX_PAUSE_SECONDS", 3600)
    monkeypatch.setattr(limits, "INDEX_IDLE_SECONDS", 3600)
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("red one", "red two"))
        assert rows(path, "SELECT rowid FROM search WHERE search MATCH 'red'") == []
        assert found(database, "red") == 2
        database.index()
        assert len(rows(path, "SELECT rowid FROM search WHERE search MATCH 'red'")) == 2
        assert rows(path, "SELECT indexed FROM logs") == [(2,)]
        database.commit(lines("red three", first=3))
        assert found(database, "red") == 3


def test_at_so_many_rows_the_index_waits_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INDEX_PAUSE_SECONDS", 3600)
    monkeypatch.setattr(limits, "INDEX_IDLE_SECONDS", 3600)
    monkeypatch.setattr(limits, "INDEX_ROWS", 3)
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        for number in range(1, 7):
            database.commit(lines("red", first=number))
        database.commit()
    assert rows(path, "SELECT indexed FROM logs") == [(6,)]


@pytest.mark.parametrize("keep", [1, 2, 3, 4])
def test_retention_ahead_of_the_mark_and_behind_it_leaves_the_index_right(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("red one", "red two"))
        database.index()
        database.commit(lines("red three", "red four", first=3))
        while database.wait(database.store.trim(keep, START)).rows:
            pass
        assert found(database, "red") == keep
        database.index()
        assert found(database, "red") == keep
        assert len(rows(path, "SELECT rowid FROM search WHERE search MATCH 'red'")) == keep


def test_a_database_of_before_is_searched_at_once_and_indexed_in_steps(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1")
        connection.execute("INSERT INTO logs (key, name, head) VALUES ('#lobby', '#lobby', 3)")
        connection.executemany(
            "INSERT INTO entries (id, at, kind, person, session, nick, text) "
            "VALUES (?, 0, 'message', 'p', 's', 'amy', ?)",
            [((1 << 36) + number, text) for number, text in enumerate(["我们明天去", "red", "去北京"], 1)],
        )
    with opened(path) as database:
        assert found(database, "明天") == 1
        database.index()
        assert found(database, "北京") == 1
        while database.wait(database.store.trim(1, START)).rows:
            pass
        assert (found(database, "明天"), found(database, "北京")) == (0, 1)


def test_an_index_of_another_folding_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"
    with opened(path) as database:
        database.commit(lines("red"))
        database.index()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE search_made_by SET folding = 'older'")
    os.close(prepare(path).lock)
    assert rows(path, "SELECT indexed FROM logs") == [(0,)]
    with opened(path) as database:
        database.index()
        assert found(database, "red") == 1


def test_a_search_that_takes_too_long_answers_with_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines(*["red"] * 5000))
        monkeypatch.setattr(limits, "SEARCH_SECONDS", -1)
        result = database.wait(database.store.said(Query(["#lobby"], 5, words="red")))
        assert not result.whole
        monkeypatch.setattr(limits, "SEARCH_SECONDS", 60)
        assert database.wait(database.store.said(Query(["#lobby"], 5, words="red"))).whole


def test_lines_that_are_not_indexed_yet_and_too_many_to_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FRESH_ROWS", 3)
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines("red", "red", "red"))
        result = database.wait(database.store.said(Query(["#lobby"], 5, words="red")))
        assert (result.total, result.whole) == (3, True)
        database.commit(lines("red", first=4))
        result = database.wait(database.store.said(Query(["#lobby"], 5, words="red")))
        assert (result.total, result.whole) == (3, False)
        assert [entry.seq for _, entry in result.entries] == [2, 3, 4]
        database.index()
        result = database.wait(database.store.said(Query(["#lobby"], 5, words="red")))
        assert (result.total, result.whole) == (4, True)


def test_searches_that_wait_do_not_keep_the_store_from_closing(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        database.commit(lines(*["red"] * 500))
        began, may_end = Event(), Event()

        def work(connection: sqlite3.Connection) -> bool:
            began.set()
            return may_end.wait(30)

        database.store._searcher.do(work)
        assert began.wait(30)
        waiting = [database.store.said(Query(["#lobby"], 5, words="red")) for _ in range(50)]
        closed = database.store.close()
        may_end.set()
        answers = [database.wait(search) for search in waiting]
        assert {(answer.total, answer.whole) for answer in answers} == {(0, False)}
        database.wait(closed)
        database.store.close = lambda: succeed(None)  # type: ignore[method-assign]


def test_parts_are_counted_as_the_index_counts_them() -> None:
    assert len(tokens("a-b-c.d 漢字")) == 6


def test_a_line_writes_no_page_of_what_stays_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        place = Place("#lobby", "#LOBBY", 1, START)
        database.commit(lines("one"), ids=[("c1", place)])
        journal = Path(f"{database.path}-wal")
        before = journal.stat().st_size
        database.commit(lines("two", first=2), ids=[("c2", place._replace(seq=2))])
        # The row, its log's, and that of its id.
        assert journal.stat().st_size - before == 3 * (24 + 2048)


def test_a_new_database_has_small_pages(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3"):
        pass
    assert rows(tmp_path / "chat.sqlite3", "PRAGMA page_size") == [(2048,)]


def test_small_pages_are_not_written_into_the_database_more_often_than_large_ones(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.sqlite3") as database:
        journal = Path(f"{database.path}-wal")
        for number in range(40):
            database.commit(lines("x" * 50_000, first=number + 1))
        # Where it had been, the file would begin anew at the first megabyte.
        assert journal.stat().st_size > 40 * 50_000


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_alone_becomes_the_tokens_that_it_becomes_beside_other_letters(text: str) -> None:
    assert tokens(f"{text} é") == [*tokens(text), "e"]


def test_no_mark_of_a_script_without_blanks_is_forgotten() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] == "M" and folding._IN_CUT.match(chr(code)):
            assert folding._pieces().fullmatch(f"\u0e01{chr(code)}")
