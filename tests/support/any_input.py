"""What must hold for whatever somebody sends."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import LogEvent, globalLogPublisher

from chat.base.text import visible

MARKS = re.compile(r"-> |! |-!- |-- |\d\d:\d\d |(?:#\S+ )?(?:<\S+> |\* \S+ |  \| )|\[\S+ -> you\] |\[you -> \S+\] ")


TELNET = re.compile(rb"\xff\xfd\0\r\0|\xff[\xfb-\xfe].|\xff[\xf0-\xfa]", re.DOTALL)


@contextmanager
def nothing_goes_wrong() -> Iterator[None]:
    """No failure is logged."""
    failures: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            failures.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
    assert not failures, failures[0]["log_failure"].getTraceback()


def check_lines(data: bytes) -> None:
    """Text alone, in lines that begin with a mark."""
    text = data.decode()
    assert text.count("\r") == text.count("\n") == text.count("\r\n")
    for line in text.split("\r\n")[:-1]:
        assert visible(line) == line
        assert MARKS.match(line), line


def check_objects(data: bytes) -> None:
    """Objects alone, whose texts may be shown."""
    for line in data.decode().split("\n")[:-1]:
        if line.startswith("{"):
            keys = json.loads(line)
            for shown in ("text", "from", "to", "room"):
                for part in str(keys.get(shown, "")).split("\n"):
                    assert visible(part) == part
