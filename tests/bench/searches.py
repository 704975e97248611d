"""A room of a million lines, people who search in it, and one who talks meanwhile: who waits for whom, and how long."""

import random
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

from tests.bench.lines import Author

_ASKED = ("word0", "word1 word2", "word3 word1900", "word0 word1 word2 word3", "nowhere", "会议", "word7")
"""Words that are in most lines, in few, in none; of a few words in a row each."""


def fill(port: int, database: Path, count: int) -> None:
    """Let somebody say so many lines; returns when all of them can be found by the index."""
    chance = random.Random(1)  # the same lines in each run
    words = [f"word{number}" for number in range(2000)]
    weights = [1 / (number + 1) for number in range(2000)]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"filler\n")
        for _ in range(0, count, 1000):
            lines = (" ".join(chance.choices(words, weights, k=8)) for _ in range(999))
            connection.sendall("\n".join([*lines, "明天的会议在北京", ""]).encode())
        connection.sendall(b"/ping filled\n")
        heard = b""
        while b"pong filled" not in heard:
            heard = heard[-100:] + connection.recv(65536)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as kept:
        while kept.execute("SELECT count(*) FROM logs WHERE head - indexed > 1000").fetchone() != (0,):
            time.sleep(0.5)


def searched(port: int, times: int) -> tuple[list[float], list[float]]:
    """The milliseconds that each search took, and each line that was said meanwhile, one every 20 ms."""
    said: list[float] = []
    over = threading.Event()
    author, searcher = Author(port, "author"), Author(port, "searcher")

    def talk() -> None:
        while not over.wait(0.02):
            said.append(author.say("a line between searches"))

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        took = [searcher.say(f"/grep {words}", "history") for _ in range(times) for words in _ASKED]
    finally:
        over.set()
        talking.join()
    author.close()
    searcher.close()
    return took, said
