"""Who runs a real server, and whose rooms are whose: the first operator by the file, over a crash."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Connect, Serve
from .waiting import until

pytestmark = pytest.mark.slow

SECRET = "tulip and rose"


def test_the_first_operator_comes_by_the_file_and_stays_one_over_a_crash(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    server = serve()
    path = tmp_path / "operator-code"
    assert f"{path} lets an account run this server" in server.said
    assert path.stat().st_mode & 0o777 == 0o600
    code = path.read_text().strip()
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    bob.says(f"psst, {code}")
    bob.hears("! code-private: ")
    for line in ("/register", SECRET, SECRET):
        amy.says(line)
    amy.hears("amy is yours now")
    amy.says("/admin who")
    amy.hears("! not-allowed: ")
    amy.says("/join #ops")
    amy.hears("#ops is new and yours")
    amy.says(f"/operator {code}")
    amy.hears("amy is an operator of this server now.")
    amy.says("/admin who")
    amy.hears("2 here, 0 with their line down")
    until(lambda: not path.exists(), what="the file goes")
    listed = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
    held = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for spelled in (code, code.lower(), code.replace("-", "")):
        assert spelled not in listed
        assert not any(spelled.encode() in data for data in held)
    server.process.kill()
    server.process.wait()
    again = serve("--port", f"tcp:{server.port}:interface={server.host}")
    assert "operator-code" not in again.said
    assert not path.exists()
    back = connect(again, "amy")
    back.says(f"/login amy {SECRET}")
    back.hears("Welcome back amy")
    back.says("/admin who")
    back.hears("1 here, ")
    back.says("/who #ops")
    back.hears("amy (owner)")
    other = connect(again, "ben").joins()
    other.says("/op #ops amy")
    other.hears("! not-allowed: ")
    done = subprocess.run(
        [sys.executable, "-m", "chat", "admin", "deop", "amy"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "amy is no operator of this server any more.\n"
    back.hears("amy is no operator of this server any more")
    back.says("/admin who")
    back.hears("! not-allowed: ")
