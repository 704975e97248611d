"""`chat-server backup PATH`: a copy of the database, also while the server runs."""

import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from chat.base.command_line import Wrong
from chat.base.errors import Unfit, about
from chat.base.language import Sentence, say
from chat.base.reasons import system_reason
from chat.server.options import MEMORY, Options
from chat.store.address import is_address, shown
from chat.store.sqlite.backup import copy
from chat.store.sqlite.connection import connect, reason
from chat.store.sqlite.schema import look_into
from chat.store.unusable import Unusable, unusable
from chat.wire import replies
from chat.wire.prose import sentences


class _Choice(Options):
    command = "chat-server backup PATH"

    def parseArgs(self, *words: str) -> None:
        """(usage.Options) What stands behind the options."""
        if len(words) != 1:
            example = "chat-server backup --data /var/lib/chat chat.copy"
            raise Wrong("backup", say("name the file to make, as in {example}.", example=example))
        self["copy"] = words[0]


def main(words: Sequence[str]) -> int:
    """Make the copy and say so; returns 1, with the reason on standard error, where that cannot be."""
    options = _Choice()
    try:
        options.read(words)
        path = _copied(options)
    except (Unfit, Unusable) as error:
        sys.stderr.write(f"chat-server backup: {options.language.words(error.sentence)}\n")
        return 1
    for done in sentences(replies.BackedUp(str(path))):
        sys.stdout.write(f"{options.language.words(done)}\n")
    return 0


def _copied(options: Options) -> Path:
    if options["database"] == MEMORY:
        raise Wrong(f"--database {MEMORY}", say("nothing of it is kept that could be copied."))
    target = Path(options["copy"]).absolute()
    if is_address(options["database"]):
        return copied(options["database"], target)
    source = options.below_data(options["database"])
    if not source.exists():
        raise Wrong(str(source), say("there is no such file; --data says where it is."))
    if target.exists():
        raise Wrong(str(target), say("it is there already."))
    look_into(source)
    try:
        # As the server does: to read only would want another file beside it where none runs.
        with closing(connect(source)) as connection:
            copy(connection, target)
    except OSError as error:
        raise _impossible(target, system_reason(error)) from None
    except sqlite3.Error as error:
        raise _impossible(target, reason(error)) from None
    return target


def copied(address: str, target: Path) -> Path:
    """Copy a database of PostgreSQL into a new file of SQLite; raises `Unfit` or `Unusable`."""
    from chat.store.postgresql.copying import to_file  # only here, for it is an extra
    from chat.store.postgresql.exchange import Failed, Unreachable

    if target.exists():
        raise Wrong(str(target), say("it is there already."))
    try:
        to_file(address, target)
    except OSError as error:
        raise _impossible(target, system_reason(error)) from None
    except sqlite3.Error as error:
        raise _impossible(target, reason(error)) from None
    except Unreachable as error:
        raise error.unusable or unusable(shown(address), error.reason) from None
    except Failed as error:
        raise unusable(shown(address), error.reason) from None
    return target


def _impossible(target: Path, why: Sentence) -> Unfit:
    return Unfit(about(str(target), say("{reason}.", reason=why)))
