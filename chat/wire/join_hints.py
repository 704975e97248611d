"""How one joins: the lines that the operator is shown at the start, and that strangers are answered with.

`{host}` is the address at which the service was, or can be, reached.  A way is named only to whom it is open: a port
of 127.0.0.1 is no way in for others.
"""

from collections.abc import Iterator, Sequence

from twisted.internet.address import IPv4Address, IPv6Address

from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple

Address = IPv4Address | IPv6Address

DEFAULT_PORT, DEFAULT_TLS_PORT, DEFAULT_SSH_PORT = 12345, 12346, 12322

SERVICE = "_twisted-chat._tcp.local."
"""What a server is on the local network, where it makes itself known."""

ALL = ("::", "0.0.0.0")
"""What a socket is bound to that listens on all interfaces."""

ENCRYPTED = say("This port is encrypted. Join with one of these:")

OVER_SSH = say("This port is for ssh.")

_MAPPED = "::ffff:"


class Directions(NamedTuple):
    """Where the service listens: in plain text, encrypted, and by ssh."""

    plain: Sequence[Address] = ()
    encrypted: Sequence[Address] = ()
    ssh: Sequence[Address] = ()

    def ways(self, host: str) -> list[Sentence]:
        """What one can type to join by this address of ours, the plain ways first."""
        host = unmapped(host)
        return [*self.plain_ways(host), *self.encrypted_ways(host), *self.ssh_ways(host)]

    def plain_ways(self, host: str) -> Iterator[Sentence]:
        """The ways that are not encrypted."""
        for port in _ports(self.plain, host):
            yield say("  nc {host} {port}", host=host, port=port)
            yield say("  telnet {host} {port}", host=host, port=port)
            bracketed = f"[{host}]" if ":" in host else host
            yield say("  curl.exe telnet://{host}:{port}   (Windows, nothing to install)", host=bracketed, port=port)
            yield say("  chat-client {host}", host=host if port == DEFAULT_PORT else join(host, port))
            yield say("  /connect {host} {port}   (in an IRC client)", host=host, port=port)

    def encrypted_way(self, host: str) -> Sentence | None:
        """Those of them that people have, in a line; None where there are none."""
        for port in _ports(self.encrypted, unmapped(host)):
            address = join(unmapped(host), port)
            return say(
                "ncat --ssl {host} {port}  or  chat-client --tls {address}",
                host=unmapped(host),
                port=port,
                address=address,
            )
        for port in _ports(self.ssh, unmapped(host)):
            return say("ssh -p {port} {host}", port=port, host=unmapped(host))
        return None

    def encrypted_ways(self, host: str) -> Iterator[Sentence]:
        """The ways that are encrypted."""
        for port in _ports(self.encrypted, host):
            yield say("  ncat --ssl {host} {port}", host=host, port=port)
            yield say("  openssl s_client -quiet -connect {address}", address=join(host, port))
            yield say("  chat-client --tls {address}", address=join(host, port))

    def ssh_ways(self, host: str) -> Iterator[Sentence]:
        """The way by ssh."""
        for port in _ports(self.ssh, host):
            yield say("  ssh -p {port} {host}", port=port, host=host)


def _ports(addresses: Sequence[Address], host: str) -> list[int]:
    """The first port that is open at this address of ours."""
    return [address.port for address in addresses if address.host in (*ALL, host)][:1]


def unmapped(host: str) -> str:
    """An address as people know it: IPv4 in IPv6 is IPv4."""
    return host.removeprefix(_MAPPED) if "." in host else host


def join(host: str, port: int) -> str:
    """A host and a port as people and programs write them together."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def web_address(host: str, port: int, scheme: str = "http") -> str:
    """Where the page for browsers is."""
    usual = {"http": 80, "https": 443}[scheme] == port
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{'' if usual else f':{port}'}/"
