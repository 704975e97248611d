"""One chunk to many sockets: the same comes of it, whether that takes one system call or one for each."""

import errno
import mmap
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socket import socket, socketpair
from unittest.mock import patch

import pytest
from full import fill
from hypothesis import given
from hypothesis import strategies as st

from chat.base import limits
from chat.core import io_uring
from chat.core.io_uring import Ring, send_to_all

SIZE = 512


@pytest.fixture(scope="module")
def one() -> Ring:
    try:
        return Ring()
    except OSError as error:
        pytest.skip(f"no io_uring here: {error}")


@contextmanager
def pairs(count: int) -> Iterator[tuple[list[socket], list[socket]]]:
    """So many connections: our ends, which do not block, and theirs."""
    with ExitStack() as stack:
        ours, theirs = [], []
        for _ in range(count):
            for end, ends in zip(socketpair(), (ours, theirs), strict=True):
                ends.append(stack.enter_context(end))
            ours[-1].setblocking(False)
        yield ours, theirs


def test_everybody_gets_every_chunk_in_order_round_and_round_the_queue(one: Ring) -> None:
    with pairs(150) as (ours, theirs):
        for number in range(3 * SIZE // 150):
            assert one.send(ours, b"%2d\n" % number) == []
        expected = b"".join(b"%2d\n" % number for number in range(3 * SIZE // 150))
        assert [their.recv(100) for their in theirs] == [expected] * 150


def test_more_sockets_than_a_call_holds(one: Ring) -> None:
    with pairs(30) as (ours, theirs):
        fill(ours[-1])
        *good, full = ours
        assert one.send([*good * 80, full], b"x") == [(29 * 80, 0)]
        assert [len(their.recv(100)) for their in theirs[:-1]] == [80] * 29


def test_a_chunk_longer_than_any_before(one: Ring) -> None:
    chunk = os.urandom(limits.PAGE_BYTES + 1)
    with pairs(2) as (ours, theirs):
        assert one.send(ours, chunk) == []
        assert one.send(ours, b"x") == []
        for our, their in zip(ours, theirs, strict=True):
            our.close()
            with their.makefile("rb") as file:
                assert file.read() == chunk + b"x"


@given(
    st.lists(st.sampled_from(["open", "full", "gone", "closed"]), min_size=1, max_size=20),
    st.sampled_from([b"x", b"line\r\n", b"y" * 1_000_000]),
)
def test_who_does_not_take_all_is_told_as_by_a_call_for_each(one: Ring, states: list[str], chunk: bytes) -> None:
    found = []
    for send in (one.send, send_to_all):
        with pairs(len(states)) as (ours, theirs):
            for state, our, their in zip(states, ours, theirs, strict=True):
                if state == "full":
                    fill(our)
                elif state == "gone":
                    their.close()
                elif state == "closed":
                    our.close()
            found.append(send(ours, chunk))
            # What was taken has come, and nothing else.
            taken = dict(found[-1])
            for place, (state, our, their) in enumerate(zip(states, ours, theirs, strict=True)):
                if state == "open":
                    our.close()
                    with their.makefile("rb") as file:
                        assert file.read() == chunk[: taken.get(place, len(chunk))]
    assert sorted(found[0]) == found[1]


def test_what_the_kernel_does_not_take_up_is_not_sent(one: Ring) -> None:
    call = one._call
    with pairs(20) as (ours, theirs):
        # Out of memory after five; then at once.
        with patch.object(one, "_call", lambda number, io_uring, count, *rest: call(number, io_uring, 5, 5, *rest[1:])):
            assert one.send(ours, b"a") == [(place, 0) for place in range(5, 20)]
        with patch.object(one, "_call", return_value=-1):
            assert one.send(ours, b"b") == [(place, 0) for place in range(20)]
        assert one.send(ours, b"c") == []
        assert [their.recv(100) for their in theirs] == [b"ac"] * 5 + [b"c"] * 15


@pytest.mark.parametrize("where", ["_call", "_results"])
def test_what_was_interrupted_is_not_sent_later(one: Ring, where: str) -> None:
    with pairs(20) as (ours, theirs), pairs(10) as (others, far):
        with patch.object(one, where, Broken()), pytest.raises(MemoryError):
            one.send(ours, b"a")
        ours[3].close()
        others[7].close()
        assert one.send(others, b"second") == [(7, 0)]
        assert one.send(ours, b"c") == [(3, 0)]
        del theirs[3], far[7]
        assert {their.recv(100) for their in theirs} == {b"c" if where == "_call" else b"ac"}
        assert {their.recv(100) for their in far} == {b"second"}


class Broken:
    def __call__(self, *_: object) -> int:
        raise MemoryError

    def __getitem__(self, _: slice) -> memoryview:
        raise MemoryError


def test_few_are_sent_to_one_by_one_and_many_with_one_call(one: Ring) -> None:
    with pairs(60) as (ours, theirs), patch.object(io_uring, "the_ring", return_value=one) as asked:
        assert send_to_all(ours[:40], b"x") == []
        asked.assert_not_called()
        assert send_to_all(ours, b"x") == []
        asked.assert_called_once_with()
        assert [their.recv(100) for their in theirs] == [b"xx"] * 40 + [b"x"] * 20


@pytest.mark.parametrize(
    "what", ["platform", "machine", "kernel", "forbidden", "half forbidden", "ctypes", "descriptors"]
)
def test_without_io_uring_each_gets_a_call_of_their_own(what: str) -> None:
    with ExitStack() as stack:
        if what == "platform":
            stack.enter_context(patch.object(sys, "platform", "freebsd14"))
        elif what == "machine":
            stack.enter_context(patch.object(platform, "machine", return_value="alpha"))
        elif what == "kernel":
            stack.enter_context(patch.object(io_uring, "_FAST_POLL", 1 << 31))
        elif what == "forbidden":
            stack.enter_context(patch.object(io_uring, "_SETUP", 100_000))
        elif what == "half forbidden":
            stack.enter_context(patch.object(io_uring, "_ENTER", 100_000))
        elif what == "ctypes":
            stack.enter_context(patch.dict(sys.modules, {"ctypes": None}))
        else:
            stack.enter_context(patch.object(mmap, "mmap", side_effect=OSError(errno.EMFILE, "too many")))
        close = stack.enter_context(patch.object(os, "close", wraps=os.close))
        stack.callback(io_uring.the_ring.cache_clear)
        io_uring.the_ring.cache_clear()
        assert io_uring.the_ring() is None
        assert close.call_count == (what in ("kernel", "half forbidden", "descriptors"))
        ours, theirs = stack.enter_context(pairs(20))
        assert send_to_all(ours, b"x") == []
        assert [their.recv(100) for their in theirs] == [b"x"] * 20
