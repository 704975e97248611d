"""What counts a line's instructions and system calls counts them, and not those of the start."""

import shutil

import pytest

from tests.bench import servers
from tests.bench.counts import instructions, system_calls
from tests.bench.servers import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler (cc)"),
]


@pytest.mark.skipif(shutil.which("callgrind_control") is None, reason="counting instructions needs valgrind")
def test_a_line_has_some_ten_thousand_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "START_SECONDS", 120.0)
    assert 20_000 < instructions(ROOT, "alone", 1) < 500_000


@pytest.mark.skipif(shutil.which("strace") is None, reason="counting system calls needs strace")
def test_lines_in_a_burst_share_their_system_calls() -> None:
    assert 0.01 < system_calls(ROOT, "alone", 1) < 5
