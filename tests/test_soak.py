"""The loads in a short form; the long ones are run by hand: see `python -m tests.soak --help`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CHECKOUT = Path(__file__).parent.parent


@pytest.mark.parametrize(("load", "connections", "seconds"), [("idle", 300, 3), ("stopped", 3, 3), ("churn", 15, 20)])
def test_a_load_breaks_no_bound(load: str, connections: int, seconds: float) -> None:
    words = [load, "--connections", str(connections), "--seconds", str(seconds)]
    done = subprocess.run([sys.executable, "-m", "tests.soak", *words], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ms" in done.stdout
