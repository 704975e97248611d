"""What is set on real sockets; whether other machines still answer is in `e2e/test_dead_peers.py`."""

import socket

from chat.base import limits
from chat.doors import sockets


def test_the_kernel_holds_little_for_one_who_does_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(listening.getsockname())
        ours, _ = listening.accept()
        with ours:
            ours.setblocking(False)
            sockets.tune(ours)
            held = 0
            try:
                while held < 100 * limits.SEND_BUFFER:
                    held += ours.send(b"x" * 1000)
            except BlockingIOError:
                pass
    assert limits.PAGE_BYTES <= held <= 2 * limits.SEND_BUFFER + 2 * 4096


def test_a_line_is_sent_at_once() -> None:
    with socket.socket() as connection:
        sockets.tune(connection)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_of_a_unix_socket_all_has_come_when_it_was_read() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        ours.send(b"hello")
        assert sockets.unacknowledged(ours)
        theirs.recv(9)
        assert not sockets.unacknowledged(ours)
