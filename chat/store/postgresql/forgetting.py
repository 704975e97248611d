"""What somebody said, wherever it stands, and how somebody is forgotten: a part of the table after the other."""

from collections.abc import Collection

from chat.base import limits, names
from chat.core.ports import Emptied, Spoken
from chat.log.events import Said, TopicSet
from chat.log.forgetting import Forgotten, without
from chat.log.redaction import Speaker
from chat.store.postgresql.commits import rewritten
from chat.store.postgresql.connection import Link
from chat.store.rows import COLUMNS, SEQ_BITS, SEQ_MOST, as_json, entry


def spoken(link: Link, speaker: Speaker, behind: int) -> Spoken:
    """What somebody said, in the next rows."""
    # First how far that is: a line that is taken back between the two questions then costs no other one.
    [(last, count)] = link.ask(
        """
        SELECT max(id), count(*) FROM (
            SELECT id FROM entries WHERE text IS NOT NULL AND id > :behind ORDER BY id LIMIT :most) AS next
        """,
        {"behind": behind, "most": limits.SPOKEN_LOOKED_AT},
    )
    rows = link.ask(
        f"""
        SELECT {COLUMNS}, key FROM entries JOIN logs ON logs.id = entries.id >> {SEQ_BITS}
        WHERE text IS NOT NULL AND entries.id > :behind AND entries.id <= :last AND (person = :person OR :by_nick)
        ORDER BY entries.id
        """,
        {"behind": behind, "last": last, "person": speaker.person, "by_nick": speaker.nick is not None},
    )
    found = [
        (key, entry(row)) for *row, key in rows if row[3] == speaker.person or names.fold(row[5] or "") == speaker.nick
    ]
    return Spoken(found, last if count == limits.SPOKEN_LOOKED_AT else None)


def nicks(link: Link, ids: Collection[str]) -> Collection[str]:
    """The nicknames under which these people stand anywhere."""
    rows = link.ask(
        "SELECT DISTINCT nick FROM entries WHERE person IN (SELECT jsonb_array_elements_text(:ids))",
        {"ids": as_json(list(ids))},
    )
    return {nick for (nick,) in rows}


def called(link: Link, nick: str) -> Collection[str]:
    """The ids of those who stand anywhere under this folded nickname."""
    rows = link.ask("SELECT DISTINCT person, nick FROM entries WHERE person IS NOT NULL")
    return {person for person, shown in rows if names.fold(shown) == nick}


def forget(link: Link, gone: Forgotten, behind: int) -> Emptied:
    """Let nothing of these people be left in the next rows; within a transaction that holds all others up."""
    if not behind:
        _own(link, gone)
    rows = link.ask(
        f"""
        SELECT key, {COLUMNS} FROM (SELECT * FROM entries WHERE id > :behind ORDER BY id LIMIT :most) AS entries
        JOIN logs ON logs.id = entries.id >> {SEQ_BITS} ORDER BY entries.id
        """,
        {"behind": behind, "most": limits.FORGOTTEN_AT_ONCE},
    )
    lines: dict[str, list[int]] = {}
    others, topics, changed = 0, [], []
    for key, *row in rows:
        if row[3] not in gone.ids and row[7] is None:
            continue  # somebody else said it, and nobody is named in it
        before = entry(row)
        after = without(before, gone)
        if after is before:
            continue
        if row[6] is not None and not isinstance(after.fact, Said):
            lines.setdefault(key, []).append(before.seq)
        else:
            others += 1
            if isinstance(before.fact, TopicSet) and gone.said(before):
                topics.append((key, before.fact.text))
        changed.append(rewritten(row[0] >> SEQ_BITS, key, after))
    if changed:
        link.ask("SELECT rewrite(:rows)", {"rows": as_json(changed)})
    return Emptied(lines, others, topics, rows[-1][1] if len(rows) == limits.FORGOTTEN_AT_ONCE else None)


def _own(link: Link, gone: Forgotten) -> None:
    """Their own logs, and what else is only theirs."""
    ids = {"ids": as_json(list(gone.ids))}
    logs = "SELECT id FROM logs WHERE key IN (SELECT '@' || jsonb_array_elements_text(:ids))"
    for (log,) in link.ask(logs, ids):
        first = log << SEQ_BITS
        link.ask("DELETE FROM entries WHERE id BETWEEN :first AND :last", {"first": first, "last": first + SEQ_MOST})
        link.ask("DELETE FROM logs WHERE id = :log", {"log": log})
    link.ask("DELETE FROM progress USING sessions WHERE sessions.digest = progress.digest AND sessions.record IS NULL")
    link.ask("DELETE FROM line_ids WHERE person IN (SELECT jsonb_array_elements_text(:ids))", ids)
