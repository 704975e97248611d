"""`chat-server` and `python -m chat`: the server in the foreground, another name for `twistd -n chat`."""

import sys

from twisted.scripts import twistd


def main() -> None:
    """Run `twistd -n chat` with this process's arguments.

    No pid file: in the foreground nobody needs it, and it would refuse a second server in the same directory.
    """
    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "chat", *sys.argv[1:]]
    twistd.run()


if __name__ == "__main__":
    main()
