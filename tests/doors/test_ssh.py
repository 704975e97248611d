"""ssh: who comes by it is among all others, nothing is forwarded, and nobody holds more than they may."""

import struct
from contextlib import suppress

import pytest
from by_ssh import BySsh, Opened, _Wire, new_key
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.conch.error import ValidPublicKey
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.cred.credentials import SSHPrivateKey
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.error import ConnectionLost
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from world import World, until

from chat.base import limits
from chat.doors.ssh import _Keys


def test_a_guest_comes_in_unasked_and_talks(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().talks("amy", "hello ñ 日本")
    assert bob.take() == ["-!- amy joined #lobby (2 here)", "<amy> hello ñ 日本"]
    bob.type("hello, amy")
    amy.by.pump()
    assert amy.take()[-1] == "<bob> hello, amy"


def test_who_says_nothing_is_greeted(world: World) -> None:
    amy = BySsh(world).comes().talks()
    assert amy.take() == []
    world.wait(limits.GREET_SECONDS)
    amy.by.pump()
    assert "nickname" in amy.take()[-1]


@pytest.mark.parametrize(
    "key",
    [
        new_key(),
        Key(ec.generate_private_key(ec.SECP256R1())),
        Key(ec.generate_private_key(ec.SECP521R1())),
    ],
    ids=["ed25519", "ecdsa-256", "ecdsa-521"],
)
def test_a_key_is_taken(world: World, key: Key) -> None:
    by = BySsh(world, key=key).comes()
    assert by.entered
    assert by.link.key.fingerprint.startswith("SHA256:")


def test_what_is_signed_with_sha1_is_not_taken(world: World) -> None:
    by = BySsh(world, key=Key(rsa.generate_private_key(65537, 2048)))
    by.client.login.key.supportedSignatureAlgorithms = lambda: [b"ssh-rsa"]
    by.comes()
    assert by.link.key is None


@pytest.mark.parametrize(
    ("claimed", "signed", "taken"),
    [
        (b"rsa-sha2-512", b"rsa-sha2-512", True),
        (b"rsa-sha2-512", b"ssh-rsa", False),
        (b"ssh-ed25519", b"rsa-sha2-512", False),
    ],
)
def test_a_signature_is_of_the_kind_that_it_says(claimed: bytes, signed: bytes, taken: bool) -> None:
    key = Key(rsa.generate_private_key(65537, 2048))
    given = SSHPrivateKey(b"amy", claimed, key.public().blob(), b"data", key.sign(b"data", signed))
    if taken:
        assert _Keys().requestAvatarId(given) == key.public().blob()
    else:
        with pytest.raises(UnauthorizedLogin):
            _Keys().requestAvatarId(given)


def test_a_signature_of_another_key_or_of_something_else_is_none() -> None:
    key, other = new_key(), new_key()
    for signature in (other.sign(b"data"), key.sign(b"other data"), key.sign(b"data")[:-1] + b"x"):
        with pytest.raises(UnauthorizedLogin):
            _Keys().requestAvatarId(SSHPrivateKey(b"amy", b"ssh-ed25519", key.public().blob(), b"data", signature))
    with pytest.raises(ValidPublicKey):
        _Keys().requestAvatarId(SSHPrivateKey(b"amy", b"ssh-ed25519", key.public().blob(), None, None))


def test_rsa_keys_are_offered(world: World) -> None:
    by = BySsh(world).comes()
    offered = by.client.peerExtensions[b"server-sig-algs"].split(b",")
    assert {b"rsa-sha2-512", b"ecdsa-sha2-nistp256", b"sk-ssh-ed25519@openssh.com"} <= set(offered)
    assert b"ssh-rsa" not in offered


def test_the_end_of_the_input_is_a_leave_and_has_a_status(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().talks("amy", "bye")
    amy.ends()
    assert bob.take()[-2:] == ["<amy> bye", "-!- amy left (0 s)"]
    assert amy.status == 0
    assert amy.over


def test_what_a_proxy_cannot_have_said_is_a_leave_behind_one_too() -> None:
    world = World(proxies=["192.0.2.1"])
    bob = world.enter("bob")
    BySsh(world).comes().talks("amy").ends()
    assert bob.take()[-1] == "-!- amy left (0 s)"


def test_a_connection_that_is_gone_without_a_word_is_cut_and_comes_back(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().talks("amy")
    code = amy.take()[-1].split()[-1]
    amy.by.cut()
    bob.type("still there?")
    assert bob.take() == ["-!- amy joined #lobby (2 here)"]
    again = BySsh(world).comes().talks(f"/resume {code}")
    assert any(line.endswith("<bob> still there?") for line in again.take())


def test_one_line_is_posted(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().opens().runs("the build is done")
    assert bob.take() == ["<amy/post> the build is done"]
    assert (amy.status, amy.errors, amy.over) == (0, b"", True)


def test_one_line_is_posted_though_the_input_ends_in_the_same_packet(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().opens()
    amy.conn.sendRequest(amy, b"exec", NS(b"the build is done"), wantReply=True).addErrback(lambda _: None)
    amy.conn.sendEOF(amy)
    together = b"".join(amy.by.socket.sent)
    amy.by.socket.sent.clear()
    amy.by.socket.sent.append(together)
    amy.by.pump()
    assert bob.take() == ["<amy/post> the build is done"]


def test_one_line_is_posted_to_a_room(world: World) -> None:
    bob = world.enter("bob", "/join #build")
    BySsh(world).comes().opens().runs("#build it works")
    assert bob.take() == ["#build <amy/post> it works"]


def test_what_cannot_be_posted_is_an_error_with_a_status(world: World) -> None:
    amy = BySsh(world).comes().opens().runs("#nowhere hello")
    assert amy.errors.startswith(b"! no-room: ")
    assert (amy.out, amy.status) == (b"", 1)


@pytest.mark.parametrize("text", ["/login amy tulip", "#lobby /operator CODE", " /quit", "/who"])
def test_what_looks_like_a_command_is_not_said(world: World, text: str) -> None:
    bob = world.enter("bob")
    told = BySsh(world, "ci").comes().opens().runs(text)
    assert told.errors.startswith(b"! usage: That looks like a command")
    assert (told.out, told.status, told.over) == (b"", 1, True)
    assert bob.take() == []


@pytest.mark.parametrize(
    ("text", "said"), [("//help", "/help"), ("/var/log is full", "/var/log is full"), ("a\r\n", "a")]
)
def test_what_begins_with_a_slash_and_is_none_is_said(world: World, text: str, said: str) -> None:
    bob = world.enter("bob")
    assert BySsh(world, "ci").comes().opens().runs(text).status == 0
    assert bob.take() == [f"<ci/post> {said}"]


@pytest.mark.parametrize(
    "command",
    ["scp -t /tmp", "rsync --server -e.LsfxC . /x", "git-upload-pack 'x.git'", "/usr/lib/openssh/sftp-server"],
)
def test_programs_that_send_files_are_told_so_and_nothing_is_said(world: World, command: str) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().opens().runs(command)
    assert amy.errors.startswith(b"! not-here: This is a chat")
    assert amy.status == 1
    assert bob.take() == []


def test_who_talks_of_such_programs_is_heard(world: World) -> None:
    bob = world.enter("bob")
    BySsh(world).comes().opens().runs("scp is old")
    assert bob.take() == ["<amy/post> scp is old"]


def test_a_subsystem_is_refused_in_words(world: World) -> None:
    amy = BySsh(world).comes().opens()
    amy.asks(b"subsystem", NS(b"sftp"))
    assert b"no files" in amy.errors
    assert amy.over


@pytest.mark.parametrize("request_", [b"x11-req", b"auth-agent-req@openssh.com", b"env", b"\xff", b"exec"])
def test_what_there_is_not_or_is_half_is_refused(world: World, request_: bytes) -> None:
    amy = BySsh(world).comes().opens()
    assert amy.asks(request_) is False
    amy.shell()


def test_nothing_is_forwarded(world: World) -> None:
    by = BySsh(world).comes()
    refused: list[object] = []

    class Forwarded(SSHChannel):
        name = b"direct-tcpip"

        def openFailed(self, reason: object) -> None:
            refused.append(reason)

    by.connection.openChannel(Forwarded(), NS(b"127.0.0.1") + struct.pack(">L", 22) + NS(b"") + struct.pack(">L", 0))
    asked = by.connection.sendGlobalRequest(b"tcpip-forward", NS(b"") + struct.pack(">L", 8080), wantReply=True)
    asked.addErrback(refused.append)
    by.pump()
    assert len(refused) == 2


def test_a_connection_carries_so_many_sessions_and_each_counts(world: World) -> None:
    by = BySsh(world).comes()
    people = [by.talks(f"amy{number}") for number in range(limits.SSH_SESSIONS)]
    assert all(person.opened for person in people)
    assert by.opens().opened is False
    assert len(world.factory.clients) == limits.SSH_SESSIONS
    people[0].ends()
    assert by.opens().opened is True


def test_who_is_one_too_many_is_told_why(world: World) -> None:
    world = World(max_per_host=1)
    by = BySsh(world).comes()
    second = BySsh(world).comes()
    assert second.client.told == "! too-many: Your address has 1 connections already."
    assert by.entered
    assert not second.entered
    world.wait(limits.CLOSE_SECONDS)
    assert second.socket.disconnected


def test_one_session_more_counts_as_somebody_more(world: World) -> None:
    world = World(max_per_host=1)
    by = BySsh(world).comes()
    by.talks("amy")
    other = by.opens()
    assert other.out.startswith(b"! too-many: ")
    assert other.over


def test_who_is_banned_does_not_come_in(world: World) -> None:
    by = BySsh(World(bans=["192.0.2.1"])).comes()
    assert by.client.told.startswith("! banned: ")


def test_who_does_not_log_in_is_sent_away_in_time(world: World) -> None:
    by = BySsh(world)
    by.socket.startReading()
    by.link.makeConnection(by.socket)
    world.wait(limits.SSH_LOGIN_SECONDS - 1)
    assert not by.socket.ended
    world.wait(1)
    assert by.socket.ended
    world.wait(limits.CLOSE_SECONDS)
    assert by.socket.disconnected
    assert not world.factory.clients


def test_who_logged_in_stays_without_a_session_and_is_counted(world: World) -> None:
    by = BySsh(world).comes()
    world.wait(3600, 60)
    assert not by.socket.ended
    assert len(world.factory.clients) == 1
    assert by.talks("amy").take()[-2:][0].startswith("-> Hello amy.")
    assert len(world.factory.clients) == 1


def test_when_the_last_session_ends_the_connection_has_a_place_again(world: World) -> None:
    by = BySsh(world).comes()
    by.talks("amy").ends()
    assert not world.factory.clients
    world.wait(limits.CLOSE_SECONDS)
    assert len(world.factory.clients) == 1
    by.talks("eve").type("still here")


def test_who_does_not_read_is_a_cursor_and_no_buffer(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().opens(window=2000).shell()
    amy.conn.adjustWindow = lambda channel, size: None  # nothing is taken any more
    amy.type("amy")
    for number in range(1000):
        bob.type(f"{number:04} {'x' * 1000}")
    amy.by.pump()
    channel = next(iter(amy.by.link.seats)).channel
    assert len(channel.buf) < 2 * limits.PAGE_BYTES
    del amy.conn.adjustWindow
    amy.conn.adjustWindow(amy, 2**22)
    until(world, lambda: amy.by.pump() or b"0999 x" in amy.out, 10, 0.1)
    said = [line for line in amy.out.decode().splitlines() if line.startswith("<bob>")]
    assert [int(line.split()[1]) for line in said] == list(range(1000))


def test_nothing_is_kept_while_keys_are_exchanged(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().talks("amy")
    amy.by.client.sendKexInit()
    amy.by.world.turn()  # the server has answered, and waits for more
    for number in range(300):
        bob.type(f"{number}")
    assert len(amy.by.link._blockedByKeyExchange) < 5
    amy.by.pump()
    amy.by.pump()
    assert amy.take()[-1] == "<bob> 299"


def test_who_asks_on_while_keys_are_exchanged_is_let_go(world: World) -> None:
    by = BySsh(world).comes()
    by.talks("amy")
    by.client.sendKexInit()
    world.turn()
    by.client._keyExchangeState = by.client._KEY_EXCHANGE_NONE  # it sends what it must not
    for _ in range(10 * limits.SSH_ANSWERS):
        by.client.sendPacket(80, NS(b"keepalive@openssh.com") + b"\1")
    until(world, lambda: by.socket.ended, 10, 0.1)
    assert len(by.link._blockedByKeyExchange) <= limits.SSH_ANSWERS


def test_of_who_takes_nothing_nothing_is_read(world: World) -> None:
    by = BySsh(world).comes()
    by.talks("amy")
    by.socket.room = 0
    for _ in range(5000):
        by.client.sendPacket(80, NS(b"keepalive@openssh.com") + b"\1")
    for _ in range(5000):
        world.turn()
    waiting = len(by.socket.sent)
    assert waiting > 1000
    by.socket.room = 2**30
    world.kernel.look(by.socket)
    until(world, lambda: len(by.socket.sent) < waiting, 10, 0.1)


def test_packets_of_few_bytes_are_not_sent(world: World) -> None:
    by = BySsh(world).comes()
    channel = Opened(by, 2**20)
    channel.localMaxPacket = limits.SSH_PACKET_LEAST - 1
    by.connection.openChannel(channel)
    by.pump()
    assert channel.opened is False


def test_keys_that_are_not_exchanged_in_time_end_it(world: World) -> None:
    amy = BySsh(world).comes().talks("amy")
    amy.by.client.sendKexInit()
    world.turn()
    world.wait(limits.SSH_LOGIN_SECONDS)
    assert amy.by.socket.ended


def test_keys_are_not_exchanged_any_number_of_times(world: World) -> None:
    by = BySsh(world).comes()
    for _ in range(limits.SSH_EXCHANGES - 1):
        by.client.sendKexInit()
        by.pump()
    assert by.client.told is None
    by.client.sendKexInit()
    by.pump()
    assert by.client.told == "keys are exchanged too often"


def test_input_that_waits_is_left_with_its_author(world: World) -> None:
    world = World(rate=1)
    amy = BySsh(world).comes().talks("amy")
    amy.write(b"x" * 50 + b"\n" + b"yes\n" * 20_000)
    amy.by.pump()
    assert amy.buf  # not all of it was taken
    assert len(next(iter(amy.by.link.seats)).visit._queue) < limits.SSH_WINDOW


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x0c\x0a\x15\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" * 10,
        b"\x7f" * 100_000,
        b"\0" * 5000,
        bytes(range(256)) * 8,
    ],
)
def test_what_cannot_be_read_ends_the_connection_in_words(world: World, data: bytes) -> None:
    by = BySsh(world)
    by.socket.startReading()
    by.link.makeConnection(by.socket)
    by.socket.sent.append(b"SSH-2.0-bad\r\n" + data)
    world.kernel.look(by.socket)
    world.turn()
    world.wait(limits.SSH_LOGIN_SECONDS)
    world.wait(limits.CLOSE_SECONDS)
    assert by.socket.disconnected


def test_who_does_not_speak_ssh_is_told_so_in_clear(world: World) -> None:
    by = BySsh(world)
    by.socket.startReading()
    by.link.makeConnection(by.socket)
    by.socket.sent.append(b"hello?\n")
    world.kernel.look(by.socket)
    world.turn()
    assert by.socket.received.endswith(b"! not-here: This port is for ssh.\r\n")
    assert by.socket.ended


def test_nobody_logs_in_in_clear_or_twice(world: World) -> None:
    by = BySsh(world).comes()
    by.client.sendPacket(5, NS(b"ssh-userauth"))
    by.pump()
    assert by.client.told == "that is not offered now"


def test_who_says_goodbye_has_left(world: World) -> None:
    bob = world.enter("bob")
    amy = BySsh(world).comes().talks("amy")
    amy.by.client.sendDisconnect(11, b"bye")
    amy.by.world.turn()
    assert bob.take()[-1] == "-!- amy left (0 s)"


def test_when_the_server_stops_all_are_told(world: World) -> None:
    amy = BySsh(world).comes().talks("amy")
    waiting = BySsh(world, host="192.0.2.9").comes()
    world.factory.hold()
    gone = world.factory.drain()
    amy.by.pump()
    waiting.pump()
    assert amy.take()[-1] == "-> The server is stopping."
    assert amy.status == 0
    assert waiting.client.told == "-> The server is stopping."
    world.wait(limits.CLOSE_SECONDS)
    assert gone.called


_PACKETS = st.tuples(
    st.sampled_from([*range(1, 8), 20, 21, 30, 31, 50, 60, 61, *range(80, 83), *range(90, 101), 192]),
    st.one_of(
        st.binary(max_size=60),
        st.builds(
            lambda channel, name, rest: struct.pack(">L", channel) + NS(name) + rest,
            st.integers(0, 3),
            st.sampled_from([b"shell", b"exec", b"pty-req", b"window-change", b"subsystem", b"env", b"signal"]),
            st.binary(max_size=40),
        ),
        st.builds(
            lambda name, numbers: NS(name) + struct.pack(f">{len(numbers)}L", *numbers),
            st.sampled_from([b"session", b"direct-tcpip", b"ssh-userauth", b"ssh-connection", b"publickey", b"amy"]),
            st.lists(st.integers(0, 2**32 - 1), max_size=4),
        ),
        st.builds(lambda numbers: struct.pack(f">{len(numbers)}L", *numbers), st.lists(st.integers(0, 5), max_size=4)),
    ),
)


@settings(max_examples=40)
@given(st.lists(_PACKETS, max_size=12), st.booleans())
def test_whatever_packets_come_nothing_breaks_and_nobody_else_is_hurt(
    packets: list[tuple[int, bytes]], logged_in: bool
) -> None:
    failures: list[dict] = []
    globalLogPublisher.addObserver(observer := lambda event: "log_failure" in event and failures.append(event))
    try:
        world = World()
        bob, by = world.enter("bob"), BySsh(world)
        if logged_in:
            by.comes().talks("amy")
        else:
            by.socket.startReading()
            by.link.makeConnection(by.socket)
            by.client.makeConnection(_Wire(by))
        for number, payload in packets:
            with suppress(Exception):  # the client breaks first
                by.client.sendPacket(number, payload)
            with suppress(Exception):
                by.pump()
        world.turn()
        bob.take()
        bob.type("/ping on")
        assert "-> pong on" in bob.take()
        for seat in list(by.link.seats):
            if seat._edited is not None:
                seat._edited.close()
        by.socket.connectionLost(Failure(ConnectionLost()))
        world.wait(limits.SSH_LOGIN_SECONDS)
        assert by.link.editors._count == 0
        assert not failures, failures[0]["log_failure"].getTraceback()
    finally:
        globalLogPublisher.removeObserver(observer)
