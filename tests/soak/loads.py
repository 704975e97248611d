"""The loads: each is laid upon a fresh server, says what it measured, and raises `Broken` where a bound was."""

import asyncio
import os
import random
import re
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tests.soak.server import Server
from tests.soak.talk import Guest, Pair

Say = Callable[[str], None]


class Broken(Exception):
    """A bound did not hold."""


def _address(number: int) -> str:
    """One of many addresses of this machine, each of a thousand at most."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


async def _crowd(port: int, size: int, each: int, nick: str = "") -> list[Guest]:
    """So many guests, `each` from one address, who have come in and been told so."""
    guests: list[Guest] = []
    for begin in range(0, size, 200):
        numbers = range(begin, min(begin + 200, size))
        some = await asyncio.gather(
            *(
                Guest.connect(port, _address(number // each), *([f"/nick {nick}{number}"] if nick else []))
                for number in numbers
            )
        )
        for guest in some:
            await guest.hear("If the line drops" if nick else "Type a nickname")
        guests += some
    return guests


async def idle(server: Server, say: Say, connections: int, seconds: float) -> None:
    """Many who are there and say nothing, then others who come and go all the time, while two talk."""
    await server.start("--max-per-host", "0", "--database", "memory:", "--rate", "0")
    pair = await Pair.enter(server.port, "#pair")
    await pair.talk(seconds / 4)
    say(f"alone:              {pair.told()}")
    memory, files, begun = server.megabytes(), server.files(), time.monotonic()
    crowd = await _crowd(server.port, connections, 500, "idle")
    grown = server.megabytes() - memory
    say(f"{connections} came in {time.monotonic() - begun:.1f} s; {1024 * grown / connections:.1f} KiB each")
    begun, cpu = time.monotonic(), server.cpu_seconds()
    await pair.talk(seconds)
    spent = (server.cpu_seconds() - cpu) / (time.monotonic() - begun)
    say(f"with {connections} idle:   {pair.told()}; {100 * spent:.0f} % of a processor")
    flood = asyncio.create_task(_flood(server.port, seconds))
    await pair.talk(seconds)
    say(f"and a flood:        {pair.told()}; {await flood} connections")
    for guest in crowd:
        guest.reset()
    await _settled(server, files)
    # They were cut off, so they are held, for when they come back.
    say(f"after all were cut: {server.megabytes() - memory:+.1f} MB, {server.files() - files:+} files")
    if 1024 * grown / connections > 60:
        raise Broken("an idle connection costs more than 60 KiB")


async def _flood(port: int, seconds: float) -> int:
    """Connections from 127.0.0.2 on that come and go as fast as they can; returns how many."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for number in range(20):
            with socket.socket() as client, suppress(OSError):
                client.setblocking(False)
                client.bind((f"127.0.0.{2 + (count + number) % 250}", 0))
                client.connect(("127.0.0.1", port))
        count += 20
        await asyncio.sleep(0.01)
    return count


async def stopped(server: Server, say: Say, connections: int, seconds: float) -> None:
    """Programs that are stopped (SIGSTOP) in a room where others talk as fast as they can."""
    await server.start("--max-per-host", "0", "--rate", "0")
    pair = await Pair.enter(server.port, "#lobby")
    readers = []
    for number in range(connections):
        reader = await asyncio.create_subprocess_exec(
            "nc", "127.0.0.1", str(server.port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(f"/nick stopped{number}\n".encode())
        await reader.stdout.readuntil(b"If the line drops")
        reader.send_signal(signal.SIGSTOP)
        readers.append(reader)
    talkers = await _crowd(server.port, 10, 10, "talker")
    memory, said = server.megabytes(), 0
    drains = [asyncio.create_task(_drain(talker)) for talker in talkers]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for talker in talkers:
            talker.say("x" * 1000)
        said += len(talkers)
        await pair.exchange()
        await asyncio.sleep(0.02)
    say(f"with {connections} stopped: {pair.told()}; {said} KB said to each, {server.megabytes() - memory:+.1f} MB")
    for task in drains:
        task.cancel()
    for reader in readers:
        reader.kill()
        await reader.wait()
    if server.megabytes() - memory > 64:
        raise Broken("who does not read costs memory")


async def _drain(guest: Guest) -> None:
    with suppress(ConnectionError):
        await guest.hear("what nobody says", 10**6)


async def churn(server: Server, say: Say, connections: int, seconds: float) -> None:
    """People come, go, talk, change their names, are cut off and come back; nothing of it stays."""
    await server.start("--max-per-host", "0", "--rate", "0", "--grace", "5")
    pair = await Pair.enter(server.port, "#lobby")
    people = [asyncio.create_task(_live(server.port, number)) for number in range(connections)]
    samples: list[tuple[float, float, int]] = []
    begun = time.monotonic()
    warm = begun + seconds / 3
    before: dict[str, int] = {}
    while (now := time.monotonic()) < begun + seconds:
        await pair.talk(min(5, seconds / 20))
        if now > warm:
            before = before or await server.objects()
            samples.append((now, server.megabytes(), server.files()))
        if done := [task for task in people if task.done()]:
            await done[0]
    after = await server.objects()
    for task in people:
        task.cancel()
    lives = sum(_LIVES.values())
    slope = 3600 * _slope([(when, size) for when, size, _ in samples])
    files = sorted(count for _, _, count in samples)
    say(f"{connections} people, {lives} lives: {pair.told()}")
    say(f"memory {samples[0][1]:.1f} to {samples[-1][1]:.1f} MB, {slope:+.1f} MB an hour")
    say(f"files {files[0]} to {files[-1]}")
    growth = {name: after[name] - before.get(name, 0) for name in after}
    most = sorted(growth.items(), key=lambda item: -item[1])[:6]
    say(f"objects {sum(before.values())} to {sum(after.values())}; most: " + ", ".join(f"{n} {c:+}" for n, c in most))
    if "Traceback" in server.said:
        raise Broken(server.said[server.said.index("Traceback") :][:2000])
    if files[-1] > connections + 60:
        raise Broken("files are left open")
    if sum(after.values()) > 1.2 * sum(before.values()) + 3000:
        raise Broken("objects are left behind")


_LIVES: dict[int, int] = {}


async def _live(port: int, number: int) -> None:
    """One after the other, lives of somebody from an address of their own."""
    chance = random.Random(number)
    for life in range(10**9):
        _LIVES[number] = life
        guest = await Guest.connect(
            port, _address(number), f"/nick p{number}x{life % 50}", f"/join #r{chance.randrange(5)}"
        )
        code = re.findall(r"/resume (\S+)", await guest.hear("If the line drops"))[0]
        for _ in range(chance.randrange(6)):
            guest.say(
                chance.choice(
                    [
                        "hello",
                        "/me waves",
                        f"/nick p{number}y{life % 50}",
                        "/who",
                        "/leave",
                        "/away",
                        "/msg ann hi",
                        "/last 5",
                    ]
                )
            )
            await asyncio.sleep(chance.random())
        if chance.random() < 0.5:
            guest.reset()
            await asyncio.sleep(chance.choice([0, 0.5, 6]))
            guest = await Guest.connect(port, _address(number), f"/resume {code}")
            await guest.hear("Welcome back")
        await guest.quit()


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line through these."""
    count = len(points)
    x, y = (sum(point[axis] for point in points) / count for axis in (0, 1))
    spread = sum((point[0] - x) ** 2 for point in points)
    return sum((point[0] - x) * (point[1] - y) for point in points) / spread if spread else 0.0


async def _settled(server: Server, files: int) -> None:
    """Until all connections are closed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while server.files() > files:
                await asyncio.sleep(0.2)


LOADS = {"idle": idle, "stopped": stopped, "churn": churn}
"""By name; the number of connections and the seconds are asked for."""

USUAL = {"idle": (min(10_000, os.sysconf("SC_OPEN_MAX") - 400), 20.0), "stopped": (20, 20.0), "churn": (60, 600.0)}
"""How many, and how long, where nothing else was asked for."""
