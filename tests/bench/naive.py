"""The naive yardstick: what a first try at a chat server on Twisted looks like, and how fast that is.

python naive.py PORT [CERTIFICATE-AND-KEY], with which it speaks TLS. One room; the first line of a person is the
nickname, every further one is written to all others at once, one transport.write a recipient and line. TCP_NODELAY is
on, or Nagle's 40 ms would be what is measured.
"""

import sys

from twisted.internet import reactor, ssl
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver


class Naive(LineReceiver):
    delimiter = b"\n"
    nick = None

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.factory.clients.add(self)
        self.transport.write(b"-> Nickname?\r\n")

    def lineReceived(self, line):
        if self.nick is None:
            self.nick = line
            self.transport.write(b"-> Hello " + line + b"\r\n")
            return
        message = b"<" + self.nick + b"> " + line + b"\r\n"
        for client in self.factory.clients:
            if client is not self:
                client.transport.write(message)

    def connectionLost(self, reason):
        self.factory.clients.discard(self)


factory = Factory.forProtocol(Naive)
factory.clients = set()
port, where = int(sys.argv[1]), {"backlog": 1024, "interface": "127.0.0.1"}
if sys.argv[2:]:
    with open(sys.argv[2], "rb") as file:
        shown = ssl.PrivateCertificate.loadPEM(file.read()).options()
    reactor.listenSSL(port, factory, shown, **where)
else:
    reactor.listenTCP(port, factory, **where)
reactor.run()
