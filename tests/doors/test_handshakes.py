"""The memory of handshakes goes back once the last of many is over."""

import platform
import resource
from pathlib import Path

import pytest

from chat.base import limits
from chat.doors.handshakes import Handshakes, give_back


@pytest.fixture
def trimmed(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    monkeypatch.setattr(limits, "HANDSHAKES_TRIMMED", 3)
    return []


def test_with_the_last_of_many(trimmed: list[None]) -> None:
    handshakes = Handshakes(lambda: trimmed.append(None))
    for _ in range(4):
        handshakes.began()
    for _ in range(3):
        handshakes.ended()
    assert trimmed == []
    handshakes.ended()
    assert trimmed == [None]


def test_not_for_a_few(trimmed: list[None]) -> None:
    handshakes = Handshakes(lambda: trimmed.append(None))
    for _ in range(7):
        handshakes.began()
        handshakes.ended()
    assert trimmed == [None, None]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library keeps nothing, or cannot be asked")
def test_what_is_free_goes_back_though_something_behind_it_is_not() -> None:
    held = [bytes(20_000) for _ in range(2_000)]
    held = held[::20]
    before = _resident()
    give_back()
    assert before - _resident() > 20 * 2**20
    assert len(held) == 100


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
