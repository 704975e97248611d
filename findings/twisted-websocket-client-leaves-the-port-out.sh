#!/usr/bin/env bash
# Twisted 26.10.0 (twisted.web.websocket, with wsproto 1.3.2): the client's handshake names the host without its port, for
# whatever port it connects to.  RFC 6455, section 4.1, wants the port in Host where it is not the default one, and RFC 9112,
# section 3.2, the authority of the address as it was given; Twisted's own Agent, asked for the same address, sends it.
# So a server or proxy that chooses a site by Host, or compares Host with Origin, treats the two as different hosts.
#
# Seen: the Host of a WebSocketClientEndpoint and of an Agent for one address of a port that is no default.  Exits 0 while
# the first has no port and the second has it, 1 if that has changed, 2 where it cannot be tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet 'twisted[websocket]==26.10.0' wsproto==1.3.2 2> /dev/null ||
    { echo "cannot install"; exit 2; }

cat > hosts.py <<'PYTHON'
from twisted.internet import task
from twisted.internet.defer import ensureDeferred
from twisted.web.client import Agent
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.websocket import WebSocketClientEndpoint, WebSocketResource


class Nothing:
    """The end of a conversation in which nothing is said."""

    def negotiationStarted(self, transport):
        self.transport = transport

    def negotiationFinished(self):
        pass

    def connectionLost(self, reason):
        pass


class Listening:
    def buildProtocol(self, request):
        hosts.append(request.getHeader("host"))
        return Nothing()


class Calling:
    def buildProtocol(self, url):
        return Nothing()


class Page(Resource):
    def render_GET(self, request):
        hosts.append(request.getHeader("host"))
        return b""


async def ask(reactor):
    site = Resource()
    site.putChild(b"socket", WebSocketResource(Listening()))
    site.putChild(b"page", Page())
    number = reactor.listenTCP(0, Site(site), interface="127.0.0.1").getHost().port
    here = f"127.0.0.1:{number}"
    caller = await WebSocketClientEndpoint.new(reactor, f"ws://{here}/socket").connect(Calling())
    caller.transport.loseConnection()
    await Agent(reactor).request(b"GET", f"http://{here}/page".encode())
    print(*(host.replace(str(number), "PORT") for host in hosts))


hosts = []
task.react(lambda reactor: ensureDeferred(ask(reactor)))
PYTHON
seen=$(venv/bin/python hosts.py)
echo "Host of the web socket's client, and of the agent: $seen"
[[ $seen == "127.0.0.1 127.0.0.1:PORT" ]]
