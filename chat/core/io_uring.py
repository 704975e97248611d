"""The same bytes to many sockets with one system call: Linux's io_uring, where the kernel lets us have it.

Measured with 99 recipients of 62 bytes, on one core: 363 us by `socket.send`, 281 this way; in C, by `send`, 330.

It is used as simply as it can be.  What is asked for is written into the submission queue (sq), the call makes the
kernel do all of it, and the completion queue (cq) then says what came of it.  With MSG_DONTWAIT a socket that is full
refuses at once; else its request would stay in the kernel and send the buffer later, whatever is in it by then.  So
between two calls nothing is under way; no thread of the kernel looks at the queues, and memory needs no barriers.

After io_uring(7), io_uring_setup(2), io_uring_enter(2) and linux/io_uring.h.
"""

import mmap
import os
import platform
import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from socket import MSG_DONTWAIT, MSG_NOSIGNAL, socket

from twisted.logger import Logger

from chat.base import limits

logger = Logger()

_MACHINES = ("aarch64", "armv7l", "ppc64le", "riscv64", "s390x", "x86_64")
_SETUP, _ENTER = 425, 426
"""The numbers of the system calls, on these machines."""

_SIZE = 512
"""Requests that the queue holds; with the completions 50 KiB, and old kernels may lock 64."""

_FEW = 48
"""So few `send`s cost no more than the call does, and a third less where lines are rare and every cache is cold: with 9
recipients 104 us instead of 165, with 32 200 instead of 266 (measured)."""

_PARAMS = struct.Struct("=20x I 16x 8I 8x 8I 8x")
"""Of struct io_uring_params: features, then where the parts of the submission and of the completion queue are."""

_SINGLE_MMAP, _FAST_POLL = 1 << 0, 1 << 5
"""Features: both queues are one mapping; and one that came with Linux 5.7, which has `send` as well."""

_REQUESTS_AT = 0x10000000
"""The offset by which requests are mapped."""

_REQUEST = struct.Struct("=B 15x Q 4x I Q 24x")
"""Of struct io_uring_sqe: opcode, address, flags of `send`, and what its completion is known by."""

_SEND = 26
_GETEVENTS = 1


def send_to_all(sockets: Sequence[socket], chunk: bytes) -> list[tuple[int, int]]:
    """Give bytes to each of these; returns who did not take them all: place in `sockets`, and how many they took."""
    if len(sockets) > _FEW and (ring := the_ring()) is not None:
        return ring.send(sockets, chunk)
    short, size = [], len(chunk)
    for place, connection in enumerate(sockets):
        try:
            taken = connection.send(chunk)
        except OSError:
            taken = 0  # full, or gone: their own way out sees to that
        if taken != size:
            short.append((place, taken))
    return short


@cache
def the_ring() -> "Ring | None":
    """This process's (not to be asked for before a fork); None where there is none, as in most containers."""
    try:
        return Ring()
    except (OSError, ImportError) as error:
        logger.info("No io_uring ({reason}): each recipient of a line costs a system call", reason=error)
        return None


class Ring:
    """Two queues in memory that the kernel shares; raises `OSError` where it does not, `ImportError` without ctypes.

    It holds three descriptors: its own, and one for each mapping.
    """

    def __init__(self) -> None:
        if sys.platform != "linux" or platform.machine() not in _MACHINES:
            raise OSError("not on this system")
        import ctypes  # not every Python has it

        self._pointer_to: Callable[[bytearray], int] = lambda it: ctypes.addressof(ctypes.c_char.from_buffer(it))
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        self._call.argtypes = [ctypes.c_long] * 5 + [ctypes.c_void_p, ctypes.c_long]
        params = bytearray(_PARAMS.size)
        self._descriptor = self._call(_SETUP, _SIZE, self._pointer_to(params), 0, 0, None, 0)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            features, *offsets = _PARAMS.unpack(params)
            if ~features & (_SINGLE_MMAP | _FAST_POLL):
                raise OSError("the kernel is older than 5.7")
            if self._call(_ENTER, self._descriptor, 0, 0, 0, None, 0) < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            self._map(offsets[:8], offsets[8:])
        except OSError:
            os.close(self._descriptor)
            raise
        self._reserve(limits.PAGE_BYTES)

    def _map(self, sq: Sequence[int], cq: Sequence[int]) -> None:
        """See the parts that matter as columns: one element for each request, or for each completion."""
        requests_from, completions_from = sq[6], cq[5]
        queues = memoryview(mmap.mmap(self._descriptor, max(requests_from + 4 * _SIZE, completions_from + 32 * _SIZE)))
        # Where each queue's head and tail stand, which count on for ever: the remainder is a place in the queue.
        self._counters = queues.cast("I")
        self._sq_head, self._sq_tail, self._cq_head, self._cq_tail = (at // 4 for at in (*sq[:2], *cq[:2]))
        self._counters[requests_from // 4 : requests_from // 4 + _SIZE] = array("I", range(_SIZE))
        completions = queues[completions_from : completions_from + 32 * _SIZE]
        self._whose = completions.cast("Q")[0::2]
        self._results = completions.cast("i")[2::4]
        requests = memoryview(mmap.mmap(self._descriptor, 64 * _SIZE, offset=_REQUESTS_AT))
        requests[:] = b"".join(_REQUEST.pack(_SEND, 0, MSG_DONTWAIT | MSG_NOSIGNAL, place) for place in range(_SIZE))
        self._sockets = requests.cast("i")[1::16]
        self._addresses = requests.cast("Q")[2::8]
        self._lengths = requests.cast("I")[6::16]

    def _reserve(self, size: int) -> None:
        """Have memory that chunks of up to so many bytes are sent from."""
        self._chunk = bytearray(size)
        self._addresses[:] = array("Q", [self._pointer_to(self._chunk)]) * _SIZE

    def send(self, sockets: Sequence[socket], chunk: bytes) -> list[tuple[int, int]]:
        """What `send_to_all` says."""
        if len(chunk) > len(self._chunk):
            self._reserve(len(chunk))
        self._chunk[: len(chunk)] = chunk
        short: list[tuple[int, int]] = []
        begin = 0
        while begin < len(sockets):
            # Up to the end of the queue, so that each column is one piece; and so it is in the completion queue, which
            # is twice as long and gets one for each request.
            some = sockets[begin : begin + _SIZE - self._counters[self._sq_head] % _SIZE]
            for place, taken in self._send(some, len(chunk)):
                short.append((begin + place, taken))
            begin += len(some)
        return short

    def _send(self, sockets: Sequence[socket], size: int) -> list[tuple[int, int]]:
        # From where the kernel stands: if something ever stops us halfway, nothing of it is left to be sent next time.
        counters, count = self._counters, len(sockets)
        first = counters[self._sq_head] % _SIZE
        counters[self._cq_head] = counters[self._cq_tail]
        answers = counters[self._cq_tail] % (2 * _SIZE)
        # A closed socket's number is -1; one that was kept might be somebody else's by now.
        self._sockets[first : first + count] = array("i", list(map(socket.fileno, sockets)))
        self._lengths[first : first + count] = array("I", [size]) * count
        counters[self._sq_tail] = (counters[self._sq_head] + count) % (1 << 32)
        done = max(0, self._call(_ENTER, self._descriptor, count, count, _GETEVENTS, None, 0))
        results = self._results[answers : answers + done].tolist()
        if results.count(size) == count:
            return []
        # What the kernel did not take up, short of memory for one, is not sent.
        taken = dict.fromkeys(range(count), 0)
        for request, result in zip(self._whose[answers : answers + done].tolist(), results, strict=True):
            taken[request - first] = max(result, 0)
        return [(place, length) for place, length in taken.items() if length != size]
