#!/usr/bin/env bash
# Twisted 26.10.0: where a unix socket is in use by another server, `listenUNIX(..., wantPID=True)` (what the endpoint
# `unix:PATH` does by default) raises CannotListenError with a text as its `socketError`, and the path as bytes.  Its
# documentation says that `socketError` is the exception, and for TCP ports and for directories that are missing it is
# an OSError.  So whoever reads `error.socketError.errno` to tell people why gets an AttributeError, in this case alone.
#
# Seen: "in use: str, bytes; no directory: FileNotFoundError; TCP: OSError 98".  Exits 0 while that is so, 1 if it has
# changed, 2 where it cannot be tried.
#
# Needs Linux and python3 with venv.  Twisted and what it needs are installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet twisted==26.10.0 2> /dev/null || { echo "cannot install"; exit 2; }

venv/bin/python - <<'PYTHON'
import sys

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory


def refused(listen):
    try:
        listen()
    except CannotListenError as error:
        return error
    sys.exit("nothing was refused")


reactor.listenUNIX("chat.sock", Factory(), wantPID=True)
in_use = refused(lambda: reactor.listenUNIX("chat.sock", Factory(), wantPID=True))
missing = refused(lambda: reactor.listenUNIX("nowhere/chat.sock", Factory()))
port = reactor.listenTCP(0, Factory(), interface="127.0.0.1").getHost().port
taken = refused(lambda: reactor.listenTCP(port, Factory(), interface="127.0.0.1"))

seen = (
    f"in use: {type(in_use.socketError).__name__}, {type(in_use.port).__name__}; "
    f"no directory: {type(missing.socketError).__name__}; "
    f"TCP: {type(taken.socketError).__name__} {taken.socketError.errno}"
)
print(seen)
sys.exit(seen != "in use: str, bytes; no directory: FileNotFoundError; TCP: OSError 98")
PYTHON
