"""A batch as the turn that the function `keep` of the database takes apart: one call, one answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from types import MappingProxyType
from typing import Any

from chat.base import limits
from chat.base.folding import tokens
from chat.base.lookalikes import fold, looks
from chat.core.ports import (
    Appended,
    Batch,
    Claim,
    Elsewhere,
    Known,
    LineId,
    PersonRecord,
    Record,
    Redaction,
    Remembered,
)
from chat.log.events import Annotated, Author, Entry, Message, Place, Said
from chat.log.redaction import emptied
from chat.store.postgresql import people
from chat.store.postgresql.connection import Link
from chat.store.rows import (
    COLUMNS,
    SAID_KINDS,
    SEQ_BITS,
    as_json,
    date,
    entry,
    entry_size,
    fact_of,
    in_ascii,
    is_usual,
    microseconds,
    values,
    values_of_message,
)


def turn(batch: Batch, header: Mapping[str, object], redacted: Sequence[Sequence[object]]) -> str:
    """The turn that the header names, as one parameter; `redacted` are the rows that its redactions leave.

    What is not recorded is only told in `passing`, in parts that a notification can hold.
    """
    logs: list[list[object]] = []
    entries: list[list[object]] = []
    folded: list[str | None] = []
    passing: list[list[object]] = []
    is_shared = "node" in header
    for log in batch.appended:
        oldest, lines, size = None, 0, 0
        if log.recorded:
            oldest = microseconds(log.entries[0].at)
            for added in log.entries:
                text = added.fact.text if isinstance(added.fact, Said) else None
                lines += text is not None
                size += entry_size(text)
                entries.append([log.key, *_row(log.key, added), *(_beside(added) if is_shared else ())])
                folded.append(_folded(text))
        elif is_shared:
            passing += [[log.key, *_row(log.key, added), *_beside(added)] for added in log.entries]
        logs.append([log.key, log.name, log.entries[-1].seq, oldest, lines, size, log.entries[0].seq])
    ids = [
        [place.key, line.person, in_ascii(line.id), place.seq, microseconds(place.at), digest]
        for line, (place, digest) in batch.ids.items()
    ]
    records = {(record.kind, record.key): record.value for record in batch.records}
    parts: dict[str, Any] = {
        "logs": logs,
        "entries": entries,
        "folded": folded,
        "ids": ids,
        "by": sorted(batch.by),
        "moved": sorted(batch.moved),
        "records": [[*record, value] for record, value in records.items()],
        "people": [[id, _written(record)] for id, record in batch.remembered.people.items()],
        "sessions": [[digest, _written(record)] for digest, record in batch.remembered.sessions.items()],
        "emptied": redacted,
        "passing": _in_parts(json.dumps(passing)) if passing else (),
    }
    if is_shared:
        parts["claims"] = [_claim(claim) for claim in batch.claims]
        parts["exchanges"] = [[record.kind, record.key, before, record.value] for record, before in batch.exchanges]
        parts["refused"] = [[line.person, in_ascii(line.id)] for line in batch.refused]
        parts["redactions"] = [[key, list(targets)] for key, targets in batch.redactions]
    return as_json({**header, **{name: rows for name, rows in parts.items() if rows}})


def _in_parts(text: str) -> Sequence[str]:
    return [text[start : start + limits.NOTIFIED_MOST] for start in range(0, len(text), limits.NOTIFIED_MOST)]


def _claim(claim: Claim) -> list[object]:
    """Who is to be called how, with all by which it is told whether that is somebody's."""
    person, nick = claim
    return [person, nick] if nick is None else [person, nick, fold(nick), sorted(looks(nick))]


class Adoption:
    """What a node had becomes another one's, with this epoch, as `SharedStore.adopt` says; `lapsed`: only where its
    lease has run out."""

    def __init__(self, epoch: int, gone: str, lapsed: bool) -> None:
        self._values: dict[str, object] = {"epoch": epoch, "gone": gone, "lapsed": lapsed, "behind": ""}
        self._stored: str | None = None
        """Who was to be called otherwise than is stored: so they are called again."""

    def go_on(self, link: Link) -> bool:
        """Take over a part; returns whether there is more."""
        if self._stored is None:
            others = link.ask(
                """
                SELECT id, people.nick FROM people JOIN nicknames ON person = id
                WHERE nicknames.node = :gone AND people.nick != nicknames.nick
                """,
                self._values,
            )
            self._stored = as_json([_claim(Claim(person, nick)) for person, nick in others])
        values = {**self._values, "stored": self._stored}
        behind = self._values["behind"] = link.value("SELECT adopt(:epoch, :gone, :lapsed, :behind, :stored)", values)
        return behind is not None


def told_of(told: Mapping[str, Any]) -> Elsewhere:
    """What another node committed, as the database tells of it."""
    answer = told["answer"]
    at = date(answer["at"])
    firsts, outdated = answer.get("firsts") or {}, set(answer.get("outdated", ()))
    rows: dict[str, list[Any]] = {}
    passing = json.loads("".join(told.get("passing") or ()) or "[]")
    for key, *row in [*told.get("entries", ()), *passing]:
        rows.setdefault(key, []).append(row)
    appended, heads = [], {}
    for key, name, last, oldest, _, _, proposed in told.get("logs", ()):
        shift = firsts[key] - proposed
        added = [_with(Entry(seq + shift, at, fact_of(*rest[:6])), *rest[7:]) for seq, _, *rest in rows.get(key, ())]
        if added:
            appended.append(Appended(key, name, oldest is not None, added))
        else:  # it was not heard in passing
            heads[key] = last + shift
    records = [Record(*record) for record in told.get("records", ())]
    remembered = Remembered(
        {id: record and people.person(record) for id, record in told.get("people", ()) if id not in outdated},
        {id: record and people.session(record) for id, record in told.get("sessions", ()) if id not in outdated},
    )
    redactions = [Redaction(*redaction) for redaction in told.get("redactions", ())]
    claims = [_claimed(remembered.people.get(person), person, nick) for person, nick, *_ in told["won"]]
    ended = dict.fromkeys(told.get("ended", ()), at)
    node, adopted, refused = told["node"], told.get("adopted", ""), line_ids(told.get("refused"))
    return Elsewhere(appended, records, redactions, heads, claims, remembered, node, adopted, ended, refused)


def line_ids(rows: Sequence[Sequence[str]] | None) -> Sequence[LineId]:
    """Of lines that were refused, as the database tells of them."""
    return [LineId(person, json.loads(id)) for person, id in rows or ()]


def _claimed(record: PersonRecord | None, person: str, nick: str | None) -> Claim:
    """Who is called so; of whoever comes in the nickname is in the memory once."""
    return Claim(person, record.nick if record is not None and record.nick == nick else nick)


def _written(record: Any) -> str | None:
    return None if record is None else people.written(record)


def _row(key: str, added: Entry) -> list[object]:
    """An entry in the order of the columns, but for what a search compares."""
    if is_usual(added.fact):
        place, at, *author, text = values_of_message(0, added)
        return [place, at, "message", *author, text, None, None]
    return values(0, key, added)


def _beside(added: Entry) -> Sequence[Mapping[str, object]]:
    """What is told with an entry to those who are there, and not stored, if there is anything."""
    _, _, fact, id = added
    author = fact.author
    told: dict[str, object] = {} if id is None else {"id": id}
    if author is not None and (author.account or author.realname):
        told["author"] = [author.account, author.realname]
    if not is_usual(fact):
        for name in _PASSING:
            if parts := getattr(fact, name, ()):
                told[name] = parts
        if authors := getattr(fact, "authors", ()):
            told["authors"] = [astuple(one) for one in authors]
    return (told,) if told else ()


_PASSING = ("tags", "breaks", "operators", "voiced")


def _with(found: Entry, beside: Mapping[str, Any] = MappingProxyType({})) -> Entry:
    """An entry with what was told beside it."""
    if not beside:
        return found
    fact = found.fact
    told: dict[str, Any] = {name: tuple(beside[name]) for name in _PASSING if name in beside}
    if "author" in beside:
        assert fact.author is not None
        account, realname = beside["author"]
        told["author"] = replace(fact.author, account=account, realname=realname)
    if "authors" in beside:
        told["authors"] = tuple(Author(*one) for one in beside["authors"])
    if type(fact) is Message and ("tags" in told or "breaks" in told):
        fact = Annotated(fact.author, fact.text)
    return found._replace(fact=replace(fact, **told), id=beside.get("id"))


def _folded(text: str | None) -> str | None:
    """What a search compares."""
    return None if text is None else " ".join(tokens(text))


def rewritten(log: int, key: str, changed: Entry) -> list[object]:
    """A row of `entries` as the function `rewrite` of the database takes it."""
    row = values(log, key, changed)
    text = changed.fact.text if isinstance(changed.fact, Said) else None
    return [*row, _folded(text)]


def redacted(link: Link, redactions: Sequence[Redaction]) -> Sequence[Sequence[object]]:
    """The rows of these lines, as they are to be."""
    found: list[Sequence[object]] = []
    for key, targets in redactions:
        rows = link.ask(
            f"""
            SELECT {COLUMNS} FROM entries JOIN logs ON logs.id = entries.id >> {SEQ_BITS}
            WHERE key = :key AND kind IN ({SAID_KINDS}) AND entries.id IN (
                SELECT (id << {SEQ_BITS}) + value::bigint FROM logs, jsonb_array_elements_text(:targets)
                WHERE key = :key
            )
            """,
            {"key": key, "targets": json.dumps(list(targets))},
        )
        found += [rewritten(row[0] >> SEQ_BITS, key, emptied(entry(row))) for row in rows]
    return found


def known(link: Link, lines: Sequence[LineId]) -> Mapping[LineId, Known]:
    """The lines with these ids that were stored before."""
    rows = link.ask(
        """
        SELECT part->>0, part->>1, logs.key, logs.name, seq, at, digest FROM jsonb_array_elements(:asked) AS part
        JOIN line_ids ON (person, line_ids.id) = (part->>0, part->>1) JOIN logs ON logs.id = log
        """,
        {"asked": as_json([[line.person, in_ascii(line.id)] for line in lines])},
    )
    return told(rows)


def told(rows: Sequence[Sequence[Any]]) -> Mapping[LineId, Known]:
    """Lines that are known, as the database tells of them."""
    return {
        LineId(person, json.loads(id)): Known(Place(key, name, seq, date(at)), digest)
        for person, id, key, name, seq, at, digest in rows
    }
