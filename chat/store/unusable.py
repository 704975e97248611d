"""What is said of a database, of whatever kind: why it is not taken, and how much is in it."""

from datetime import date
from pathlib import Path

from chat.base.errors import Refused
from chat.base.language import Sentence, say, say_n

DISK_FULL, DISK_ERROR, READ_ONLY, DAMAGED = say("disk full"), say("disk error"), say("read-only"), say("damaged")
"""Reasons that every kind of database may have."""


class Unusable(Exception):
    """The database cannot be used; the sentence says why and what to do.  It is as it was."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def unusable(database: Path | str, reason: Sentence | str) -> Unusable:
    """Something is in the way that is not the database's own."""
    return Unusable(
        say(
            "{database} cannot be used ({reason}). Put that right, or choose another database with --database.",
            database=database,
            reason=reason,
        )
    )


def damaged(database: Path | str, what: str) -> Unusable:
    """What is in it makes no sense."""
    return Unusable(
        say(
            "{database} is damaged ({reason}). Put a backup in its place, or move it away to begin a new one.",
            database=database,
            reason=what,
        )
    )


def too_new(database: Path | str) -> Unusable:
    """A later version has written it."""
    return Unusable(
        say(
            "{database} was written by a newer version of this server. Install that one, or choose another database "
            "with --database.",
            database=database,
        )
    )


def unreadable(reason: Sentence) -> Refused:
    """Whoever asked for something in it is told."""
    return Refused("internal", say("That cannot be read now ({reason}).", reason=reason))


def not_copied(reason: Sentence) -> Refused:
    """Whoever asked for a copy is told."""
    return Refused("unavailable", say("There is no copy: {reason}.", reason=reason))


def begun(database: Path | str) -> Sentence:
    """There was none."""
    return say("Talk is kept in {database}, a new database.", database=database)


def holding(database: Path | str, lines: int, since: date | None) -> Sentence:
    """There was one, with so many lines; `since` is when the first was said, None where there is none."""
    if since is None:
        return say("Talk is kept in {database} (nothing yet).", database=database)
    return say_n(
        "Talk is kept in {database} ({count} line since {day}).",
        "Talk is kept in {database} ({count} lines since {day}).",
        lines,
        database=database,
        day=since,
    )
