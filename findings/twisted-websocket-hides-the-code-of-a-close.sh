#!/usr/bin/env bash
# Twisted 26.10.0 (twisted.web.websocket, with wsproto 1.3.2): a protocol is not told the code with which the peer closed,
# nor whether it closed at all.  A close with 1000, one with 4001 and a reason, and a TCP connection that ends without any
# close (which RFC 6455, section 7.1.5, calls 1006) all come as `connectionLost` with the same reason, ConnectionDone,
# "Connection was closed cleanly.".  Code and reason are what RFC 6455, section 7.4, is for: a client that asks for them to
# decide whether to come back has to read the frames itself.
#
# Seen: what the protocol is told for each of the three, from a server of the package websockets 16.0.  Exits 0 while it is
# the same and holds no code, 1 if that has changed, 2 where it cannot be tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet 'twisted[websocket]==26.10.0' wsproto==1.3.2 websockets==16.0 2> /dev/null ||
    { echo "cannot install"; exit 2; }

cat > server.py <<'PYTHON'
import asyncio

from websockets.asyncio.server import serve


async def end(socket):
    way = socket.request.path
    if way == "/closed":
        await socket.close(1000)
    elif way == "/refused":
        await socket.close(4001, "not today")
    else:
        socket.transport.close()
        await socket.wait_closed()


async def run():
    async with serve(end, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(run())
PYTHON
cat > client.py <<'PYTHON'
import sys

from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.websocket import WebSocketClientEndpoint


class End:
    def __init__(self):
        self.told = Deferred()

    def negotiationStarted(self, transport):
        pass

    def negotiationFinished(self):
        pass

    def connectionLost(self, reason):
        self.told.callback(f"{reason.type.__name__}: {reason.value}")


class Calling:
    def buildProtocol(self, url):
        return End()


async def ask(reactor):
    for way in ("closed", "refused", "cut"):
        end = await WebSocketClientEndpoint.new(reactor, f"ws://127.0.0.1:{sys.argv[1]}/{way}").connect(Calling())
        print(f"{way}:", await end.told)


task.react(lambda reactor: ensureDeferred(ask(reactor)))
PYTHON
venv/bin/python server.py > port &
trap 'kill %1; rm -rf "$folder"' EXIT
until [[ -s port ]]; do sleep 0.1; done
venv/bin/python client.py "$(cat port)" | tee seen
cmp -s seen - <<'SEEN'
closed: ConnectionDone: Connection was closed cleanly.
refused: ConnectionDone: Connection was closed cleanly.
cut: ConnectionDone: Connection was closed cleanly.
SEEN
