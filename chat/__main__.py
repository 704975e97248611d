"""`chat-server` and `python -m chat`: the server in the foreground, another name for `twistd -n chat`.

`chat-server check` looks at what it would start with, and starts nothing.
"""

import sys

from twisted.scripts import twistd

from chat.server import check


def main() -> None:
    """Run `twistd -n chat` with this process's arguments.

    No pid file: in the foreground nobody needs it, and it would refuse a second server in the same directory.
    """
    if sys.argv[1:2] == ["check"]:
        raise SystemExit(check.main(sys.argv[2:]))
    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "chat", *sys.argv[1:]]
    twistd.run()


if __name__ == "__main__":
    main()
