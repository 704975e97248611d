"""The workloads over TLS: servers, generator and yardsticks all speak it."""

import os
import socket
import ssl
import threading
import time

from tests.bench.generator import Generator
from tests.bench.servers import PLAIN, Server
from tests.bench.workloads import NotHere, Result, Workload, calm, idle, lat, win

TALK_SECONDS = 0.02  # between two lines of those who talk


def back(server: Server, load: Generator, n: int, seconds: float) -> Result:
    """As after a restart; two who are there talk meanwhile in a room of their own, and the latencies are theirs."""
    if server.kind.wires != PLAIN:
        raise NotHere("the two who talk speak our wire")
    over, took = threading.Event(), list[float]()
    talking = threading.Thread(target=_talk, args=(server.port, load.core, over, took))
    talking.start()
    while not took:
        time.sleep(0.01)
    server.settle(1.0)
    before, memory, cpu = len(took), server.memory(), server.cpu()
    load.yield_to_others()
    needed = load.connect(n)
    spent, heard = server.cpu() - cpu, sorted(took[before:])
    over.set()
    talking.join()
    return Result(
        spent,
        "s of CPU",
        p50=heard[len(heard) // 2],
        p99=heard[len(heard) * 99 // 100],
        peak=server.peak(),
        grown=server.peak() - memory,
        extra={"s until all were in": needed, "lines of the two": len(heard)},
    )


def _talk(port: int, core: int | None, over: threading.Event, took: list[float]) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})  # of this thread
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    one, other = (_enter(context, port, nick) for nick in ("first", "second"))
    heard = b""
    while not over.wait(TALK_SECONDS):
        line = f"line {len(took)} of somebody who has something to say\n".encode()
        begun = time.perf_counter()
        one.sendall(line)
        while line.rstrip() not in heard:
            heard = heard[-200:] + other.recv(65536)
        took.append((time.perf_counter() - begun) * 1e3)
    for connection in (one, other):
        connection.close()


def _enter(context: ssl.SSLContext, port: int, nick: str) -> ssl.SSLSocket:
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    connection.sendall(f"{nick}\n/join #two\n/leave #lobby\n/ping ready\n".encode())
    heard = b""
    while b"pong ready" not in heard:
        heard += connection.recv(65536)
    return connection


SEALED = {
    "tls": Workload(
        calm, "a room of a hundred over TLS, 50 lines a second; cost and latency are cold", sizes=(100,), sealed=True
    ),
    "tls-ten": Workload(calm, "the same in a room of ten", sizes=(10,), sealed=True),
    "tls-lat": Workload(lat, "over TLS: one line in flight; hot", sealed=True),
    "tls-win": Workload(win, "over TLS: 10 senders with 32 lines in flight each; hot", sealed=True),
    "tls-idle": Workload(idle, "memory of a TLS connection that says nothing", sealed=True),
    "tls-back": Workload(
        back,
        "so many come in at once over TLS; p50 and p99 are of two who talk meanwhile",
        sizes=(1000,),
        sealed=True,
    ),
}
