"""`chat-server copy FROM TO`: all that is kept, from a file to a database of PostgreSQL, or back."""

import sys
from collections.abc import Sequence
from pathlib import Path

from chat.base.command_line import Wrong
from chat.base.errors import Unfit
from chat.base.language import say
from chat.server.backup_command import copied
from chat.server.options import Options, check_extra
from chat.store.address import is_address, shown
from chat.store.unusable import Unusable
from chat.wire import replies
from chat.wire.prose import sentences

_FILE = "sqlite:"


class _Choice(Options):
    command = "chat-server copy FROM TO"

    def parseArgs(self, *words: str) -> None:
        """(usage.Options) What stands behind the options."""
        files = [word for word in words if word.startswith(_FILE)]
        addresses = [word for word in words if is_address(word)]
        if not (len(words) == 2 and len(files) == len(addresses) == 1):
            example = f"chat-server copy {_FILE}/var/lib/chat/chat.sqlite3 postgresql://chat@db1/chat"
            raise Wrong(
                "copy", say("name a file and a database, one after the other, as in {example}.", example=example)
            )
        check_extra(shown(addresses[0]))
        self["file"], self["postgresql"] = Path(files[0].removeprefix(_FILE)).absolute(), addresses[0]
        self["fills"] = words[0] == files[0]


def main(words: Sequence[str]) -> int:
    """Copy and say so; returns 1, with the reason on standard error, where that cannot be."""
    options = _Choice()
    try:
        options.read(words)
        _copy(options)
    except (Unfit, Unusable) as error:
        sys.stderr.write(f"chat-server copy: {options.language.words(error.sentence)}\n")
        return 1
    target = shown(options["postgresql"]) if options["fills"] else str(options["file"])
    for done in sentences(replies.BackedUp(target)):
        sys.stdout.write(f"{options.language.words(done)}\n")
    return 0


def _copy(options: Options) -> None:
    from chat.store.postgresql.copying import from_file  # only here, for it is an extra

    file: Path = options["file"]
    if not options["fills"]:
        copied(options["postgresql"], file)
    elif not file.exists():
        raise Wrong(str(file), say("there is no such file."))
    else:
        from_file(file, options["postgresql"])
