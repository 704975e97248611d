"""`chat-server` and `python -m chat`: the server in the foreground, another name for `twistd -n chat`.

`chat-server check` looks at what it would start with, and starts nothing; `chat-server backup` copies the database;
`chat-server copy` takes what is kept from a file to a database of PostgreSQL, or back; `chat-server admin` tells a
server that runs what to do.
"""

import sys
from importlib import import_module
from pathlib import Path

from twisted.scripts import twistd

from chat.server.options import Options

_OTHERS = ("check", "backup", "copy", "admin")
"""What else one may ask of it, by its first word; each has a module, which a server does not need."""


def main() -> None:
    """Run `twistd -n chat` with this process's arguments.

    No pid file: in the foreground nobody needs it, and it would refuse a second server in the same directory.
    """
    if sys.argv[1:2] and (other := sys.argv[1]) in _OTHERS:
        raise SystemExit(import_module(f"chat.server.{other}_command").main(sys.argv[2:]))
    Options.command = _called(Path(sys.argv[0]).name)
    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "chat", *sys.argv[1:]]
    twistd.run()


def _called(name: str) -> str:
    """How we were started, for help and errors to name; `name` is that of the file."""
    return "python -m chat" if name == "__main__.py" else name


if __name__ == "__main__":
    main()
