"""The door for ssh: connections that are encrypted, and whose key is shown and proven.

A connection carries sessions (`chat.doors.ssh_session`), each of which is a visit.  While it carries none, one that is
still to come waits in its place: so a connection is counted, looked after and sent away like everybody's.  Conch
speaks the protocol; whoever imports this has it in memory, and only who asked for such a port needs it.

Everybody gets in: who proves a key is whom it belongs to, and who has none is a guest.  `none` is refused all the same,
for where it is taken OpenSSH never offers a key.
"""

import hmac
import os
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.error import ConchError, ValidPublicKey
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh import _kex
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.connection import OPEN_RESOURCE_SHORTAGE, OPEN_UNKNOWN_CHANNEL_TYPE, SSHConnection
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    DISCONNECT_BY_APPLICATION,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    SSHCiphers,
    SSHServerTransport,
)
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ISSHPrivateKey
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chat.base import limits, public_keys
from chat.base.public_keys import PublicKey
from chat.base.token_bucket import TokenBucket
from chat.core.hub import Hub
from chat.doors import sockets, ssh_keys
from chat.doors.factory import ChatFactory
from chat.doors.output import Output
from chat.doors.sockets import Caller
from chat.doors.ssh_keys import QUIET
from chat.doors.ssh_session import Channel, Editors, Seat
from chat.wire.answers import Problem
from chat.wire.join_hints import OVER_SSH

logger = Logger()

_CIPHERS = [b"aes256-ctr", b"aes192-ctr", b"aes128-ctr"]
_MACS = [b"hmac-sha2-512", b"hmac-sha2-256"]
_DIGESTS = {b"hmac-sha2-512": "sha512", b"hmac-sha2-256": "sha256"}
_HEAD = struct.Struct(">LBB")
"""Of a packet (RFC 4253, 6): how long it is, how much of it fills it up, and of which kind it is."""

_LEAST_PADDING = 4
_KEY_EXCHANGES = (b"mlkem768x25519-sha256", b"curve25519-sha256", b"curve25519-sha256@libssh.org")
_VERSION = b"SSH-"


class SshFactory(SSHFactory):
    """Makes a connection for whoever comes by ssh, among all others of `chat`."""

    noisy = False
    _log = QUIET

    def __init__(self, chat: ChatFactory, key: Ed25519PrivateKey) -> None:
        own = Key(key)
        self.chat = chat
        self.privateKeys = {own.sshType(): own}
        self.publicKeys = {own.sshType(): own.public()}
        self.primes = None
        self.fingerprint = public_keys.fingerprint(own.public().blob())
        """What people compare."""
        self.editors = Editors()
        self.portal = Portal(_Realm(), [_Keys()])
        self.protocol = Link

    def buildProtocol(self, addr: IAddress | None) -> "Link":
        """(IProtocolFactory) Always one: who may not come is told so by it."""
        link = super().buildProtocol(addr)
        assert isinstance(link, Link)
        link.editors = self.editors
        link.arrive(self.chat.hub, self.chat, self.chat.caller(addr))
        return link


class Somebody:
    """(IConchUser, as far as it is asked) Whoever logged in: by a key, or without one as a guest."""

    conn: SSHConnection

    def __init__(self, key: PublicKey | None) -> None:
        self.key = key


@implementer(IRealm)
class _Realm:
    """All who come in by ssh."""

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        """By the key that they proved, in its binary form; empty for a guest."""
        return IConchUser, Somebody(public_keys.of_blob(avatarId) if avatarId else None), lambda: None


@implementer(ICredentialsChecker)
class _Keys:
    """Takes every key that is proven: it is its owner's, whoever that is."""

    credentialInterfaces = (ISSHPrivateKey,)

    def requestAvatarId(self, credentials: Any) -> Any:
        """The key; raises `ValidPublicKey` for one that is only shown, to be proven."""
        if credentials.algName not in ssh_keys.ALGORITHMS:
            raise UnauthorizedLogin
        key = Key.fromString(credentials.blob)
        if not credentials.signature:
            raise ValidPublicKey
        # The algorithm that was asked for is the one that counts, and not another one that the key could do as well.
        if getNS(credentials.signature)[0] != credentials.algName:
            raise UnauthorizedLogin
        if not key.verify(credentials.signature, credentials.sigData):
            raise UnauthorizedLogin
        return credentials.blob


class _Login(SSHUserAuthServer):
    """Who they are."""

    _log = QUIET
    transport: Any
    attemptsBeforeDisconnect = limits.SSH_KEYS

    def serviceStarted(self) -> None:
        """(SSHService)"""
        self.clock = self.transport.hub.clock
        super().serviceStarted()
        self.supportedAuthentications = [b"publickey", b"keyboard-interactive"]

    def serviceStopped(self) -> None:
        """(SSHService) It is known, or they are gone."""
        super().serviceStopped()
        self.transport.user = (self.user or b"").decode("utf-8", "replace")

    def auth_keyboard_interactive(self, packet: bytes) -> Deferred[Any]:
        """(SSHUserAuthServer) There is nothing to ask: a guest (RFC 4256, 3.1, lets it succeed at once)."""
        return succeed(_Realm().requestAvatar(b"", None, IConchUser))

    def ssh_USERAUTH_REQUEST(self, packet: bytes) -> Any:
        """(SSHUserAuthServer) Each signature takes as long as a handshake to look at."""
        self.transport.spend(limits.PRICE_HANDSHAKE)
        return super().ssh_USERAUTH_REQUEST(packet)


class _Connection(SSHConnection):
    """What a connection carries: sessions, and nothing else; nothing is forwarded."""

    _log = QUIET
    transport: Any

    def serviceStarted(self) -> None:
        """(SSHService) They are in."""
        super().serviceStarted()
        self.transport.enter(self)

    def getChannel(self, channelType: bytes, windowSize: int, maxPacket: int, data: bytes) -> Channel:
        """(SSHConnection) They want one more; raises `ConchError` for what there is not here."""
        if channelType != b"session":
            raise ConchError("nothing is forwarded here", OPEN_UNKNOWN_CHANNEL_TYPE)
        if len(self.channels) >= limits.SSH_SESSIONS:
            raise ConchError(f"{limits.SSH_SESSIONS} sessions are open already", OPEN_RESOURCE_SHORTAGE)
        if maxPacket < limits.SSH_PACKET_LEAST:
            raise ConchError(f"packets hold {limits.SSH_PACKET_LEAST} bytes at least", OPEN_RESOURCE_SHORTAGE)
        seat: Seat = self.transport.seat_for_session()
        channel = Channel(self, seat, windowSize, min(maxPacket, limits.SSH_PACKET))
        seat.channel = channel
        return channel

    def gotGlobalRequest(self, requestType: bytes, data: bytes) -> int:
        """(SSHConnection) Nothing is done: no port is forwarded, and of what only asks whether we are there, the
        refusal is the answer."""
        return 0

    def adjustWindow(self, channel: Channel, bytesToAdd: int) -> None:
        """(SSHConnection) They may send more, unless their lines wait."""
        if not channel.paused:
            super().adjustWindow(channel, bytesToAdd)


class Link(SSHServerTransport):
    """A connection by ssh, with the seats of those who came by it."""

    _log = QUIET
    ourVersionString = b"SSH-2.0-chat"
    transport: Any
    editors: Editors

    def arrive(self, hub: Hub, chat: ChatFactory, caller: Caller) -> None:
        """Somebody came from there."""
        self.hub, self.chat, self.caller = hub, chat, caller
        self.supportedKeyExchanges = [name for name in _kex.getSupportedKeyExchanges() if name in _KEY_EXCHANGES]
        self.supportedCiphers, self.supportedMACs, self.supportedCompressions = _CIPHERS, _MACS, [b"none"]
        self.seats: list[Seat] = []
        self.blocked = False
        """Nothing is to be sent: they take no more, or keys are being exchanged."""
        self._takes_no_more = self._exchanges = False
        self._leaves = False
        self._exchange_ends: IDelayedCall | None = None
        self._waits: IDelayedCall | None = None
        self._exchanges_left = TokenBucket(limits.SSH_EXCHANGES, limits.SSH_EXCHANGES / 60, hub.clock.seconds())
        limited = hub.settings.rate > 0 and hub.settings.max_per_host > 0
        self._budget = chat.budgets.of_address(caller.host, limited)
        self._connection: _Connection | None = None
        self._rests = False
        self._padding = os.urandom(64)
        self.user = ""
        """As whom they asked to come in."""

    # IProtocol

    def connectionMade(self) -> None:
        """They have come."""
        self.socket = sockets.beneath(self.transport)
        if self.socket is not None:
            sockets.tune(self.socket)
        sockets.read_in_portions(self.transport)
        self._output = Output(self.transport, self)
        self.currentEncryptions = SSHCiphers(b"none", b"none", b"none", b"none")
        self.currentEncryptions.setKeys(b"", b"", b"", b"", b"", b"")
        self._output.send(self.ourVersionString + b"\r\n")
        self.sendKexInit()
        self._wait_for_session()

    def dataReceived(self, data: bytes) -> None:
        """Packets, as far as they are any."""
        self.spend(limits.PRICE_READ + limits.PRICE_SEALED_BYTE * len(data))
        if self._leaves:
            return
        if not self.gotVersion and not (begun := self.buf + data).startswith(_VERSION[: len(begun)]):
            self._is_no_ssh(begun)
            return
        try:
            super().dataReceived(data)
        except Exception as error:  # Conch takes apart what came without a look at whether that can be
            what = type(error).__name__
            logger.info("What came by ssh from {host} could not be read: {what}", host=self.caller.host, what=what)
            self.disconnect(DISCONNECT_PROTOCOL_ERROR, "that could not be read")
        if len(self.buf) > limits.SSH_PACKET_MOST:
            self.disconnect(DISCONNECT_PROTOCOL_ERROR, "that packet is too long")

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """(SSHTransportBase) Of who goes nothing more is read."""
        if not self._leaves:
            super().dispatchMessage(messageNum, payload)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """They are gone."""
        self._leaves = True
        self._output.shut()
        for call in (self._exchange_ends, self._waits):
            if call is not None and call.active():
                call.cancel()
        super().connectionLost(reason)
        for seat in list(self.seats):
            seat.lost()

    # chat.doors.output.Sender

    def full(self) -> None:
        """They take no more."""
        self._takes_no_more = True
        self._look_whether_to_read()
        self._look_whether_full()

    def writable(self) -> None:
        """They take more again."""
        self._takes_no_more = False
        self._look_whether_to_read()
        self._look_whether_full()

    def unreachable(self) -> None:
        """They are gone without a word."""
        for seat in list(self.seats):
            seat.visit.unreachable()

    @property
    def broken(self) -> bool:
        """They are, as far as is known."""
        return self._output.broken

    def _look_whether_full(self) -> None:
        """What is sent while keys are exchanged would be kept until that is done, however much it is."""
        self.blocked = self._takes_no_more or self._exchanges
        for seat in list(self.seats):
            seat.look_whether_full()

    # What it costs.

    def spend(self, price: float) -> None:
        """They made the server do this; where all of their address made it do too much, they are not read for a
        moment."""
        self._budget.left -= price
        if self._budget.left >= 0 or self._rests or self._leaves:
            return
        if wait := self._budget.wait(self.hub.clock.seconds()):
            self._rests = True
            self._look_whether_to_read()
            self.hub.clock.callLater(wait, self._read_on)

    def _read_on(self) -> None:
        self._rests = False
        if not self._leaves:
            self._look_whether_to_read()

    def _look_whether_to_read(self) -> None:
        """Who takes nothing asks for nothing either: each answer would be kept.  Of who goes all is read."""
        if self._leaves or not (self._rests or self._takes_no_more):
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    # Packets.

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """(SSHTransportBase) As Conch's, at a third of its price: what everybody says is a packet for each reader.

        What fills a packet up is the same random bytes in each of a connection.
        """
        if self._keyExchangeState != self._KEY_EXCHANGE_NONE and not self._allowedKeyExchangeMessageType(messageType):
            if len(self._blockedByKeyExchange) >= limits.SSH_ANSWERS:
                self.disconnect(DISCONNECT_BY_APPLICATION, "too much was asked while keys are exchanged")
                return
            self._blockedByKeyExchange.append((messageType, payload))
            return
        ciphers = self.currentEncryptions
        block: int = ciphers.encBlockSize
        padding = block - (len(payload) + _HEAD.size) % block
        if padding < _LEAST_PADDING:
            padding += block
        head = _HEAD.pack(len(payload) + padding + 2, padding, messageType)
        packet = b"".join((head, payload, self._padding[:padding]))
        sealed = ciphers.encryptor.update(packet)
        if (digest := _DIGESTS.get(ciphers.outMACType)) is not None:
            key: bytes = ciphers.outMAC.key  # type: ignore[attr-defined]  # of none there is no digest either
            sealed += hmac.digest(key, struct.pack(">L", self.outgoingPacketSequence) + packet, digest)
        self.outgoingPacketSequence = (self.outgoingPacketSequence + 1) & 0xFFFFFFFF
        self._output.send(sealed)

    # Keys.

    def sendKexInit(self) -> None:
        """(SSHTransportBase) Keys are exchanged from now on, for so long."""
        super().sendKexInit()
        self._exchanges = True
        self._look_whether_full()
        self._exchange_ends = self.hub.clock.callLater(limits.SSH_LOGIN_SECONDS, self._is_too_slow)

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """(SSHServerTransport) It takes a while, and they may ask for it."""
        if not self._exchanges_left.allows(1, self.hub.clock.seconds()):
            self.disconnect(DISCONNECT_BY_APPLICATION, "keys are exchanged too often")
            return
        self._exchanges_left.take(1)
        self.spend(limits.PRICE_HANDSHAKE)
        super().ssh_KEXINIT(packet)

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        """(SSHServerTransport) They are exchanged."""
        super().ssh_NEWKEYS(packet)
        self._exchanges = False
        if self._exchange_ends is not None and self._exchange_ends.active():
            self._exchange_ends.cancel()
        self._look_whether_full()

    def _is_too_slow(self) -> None:
        if self._exchanges:
            self.disconnect(DISCONNECT_BY_APPLICATION, "no keys were exchanged in time")

    def sendExtInfo(self, extensions: Any) -> None:
        """(SSHTransportBase) Conch tells by what the server's key signs, as if people's had to be of the same kind:
        OpenSSH then has no RSA key to offer, and goes on as a guest without a word."""
        super().sendExtInfo([(b"server-sig-algs", b",".join(ssh_keys.ALGORITHMS))])

    # Coming in.

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        """(SSHServerTransport) They log in once, and where nobody reads along."""
        if self._connection is not None or not self.isEncrypted("both"):
            self.disconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, "that is not offered now")
        else:
            super().ssh_SERVICE_REQUEST(packet)

    def enter(self, connection: _Connection) -> None:
        """They are who they are."""
        self._connection = connection

    @property
    def key(self) -> PublicKey | None:
        """The key that they proved."""
        return self.avatar.key if isinstance(self.avatar, Somebody) else None

    @property
    def entered(self) -> bool:
        """They have logged in."""
        return self._connection is not None

    def _is_no_ssh(self, begun: bytes) -> None:
        """Whoever does not speak ssh is told how one comes in, in clear."""
        logger.info("Not ssh on its port, from {host}", host=self.caller.host)
        self._leaves = True
        self._output.send(self.seats[0].visit.wire.answer(Problem("not-here", OVER_SSH)))
        self._close()

    # Seats.

    def _wait_for_session(self) -> None:
        """Nobody is here: whoever comes next has a place, which counts."""
        if not (self._leaves or self.seats):
            seat = Seat(self)
            self.seats.append(seat)
            seat.begin()

    def seat_for_session(self) -> Seat:
        """The place of a session that begins: the one that waits, or one more."""
        if len(self.seats) == 1 and self.seats[0].channel is None:
            return self.seats[0]
        seat = Seat(self)
        self.seats.append(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """A session is over.  Where it was the last, most go by themselves; for who stays a place is kept again."""
        if seat in self.seats:
            self.seats.remove(seat)
        if not (self._leaves or self.seats):
            self._waits = self.hub.clock.callLater(limits.CLOSE_SECONDS, self._wait_for_session)

    # Going.

    def ssh_DISCONNECT(self, packet: bytes) -> None:
        """(SSHTransportBase) They say goodbye."""
        for seat in list(self.seats):
            seat.visit.ends(())
        super().ssh_DISCONNECT(packet)

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """(SSHTransportBase)"""
        self.disconnect(reason, desc.decode("utf-8", "replace"))

    def disconnect(self, reason: int, words: str) -> None:
        """Let them go, and tell them why; what they still send is read and forgotten, for a reset would destroy it."""
        if self._leaves:
            return
        self._leaves = True
        text = words.encode()[: limits.SSH_WORDS]
        # (RFC 4253, 11.1; it may go out while keys are exchanged.)
        self.sendPacket(1, struct.pack(">LL", reason, len(text)) + text + struct.pack(">L", 0))
        self._close()

    def _close(self) -> None:
        self._output.shut()
        self._look_whether_to_read()
        self.transport.loseWriteConnection()
        self.hub.clock.callLater(limits.CLOSE_SECONDS, self.transport.abortConnection)

    def abort(self) -> None:
        """Let go of them now."""
        self.transport.abortConnection()


SshFactory.services = {b"ssh-userauth": _Login, b"ssh-connection": _Connection}
