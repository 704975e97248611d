#!/usr/bin/env bash
# pytest 9.2.0 with pytest-xdist 3.8.0: programs that a test starts find COLUMNS and LINES in their environment, though
# neither the shell had them nor, without xdist, `os.environ` has: pytest loads readline, which sets them past Python.
# An xdist worker is such a program, so there `os.environ` has them, too, and a copy of it hands them on.  ncurses believes
# them before it asks the terminal: a program on a pseudo-terminal of 120 by 40 that the test made paints 80 by 24.
# One would guess that who starts programs with `env=dict(os.environ)` sees the same with `-n 1` as without.
#
# Seen: what a program with curses takes for the size of its terminal of 120 by 40, which one and the same test started
# with a copy of `os.environ`, and what that has of COLUMNS.  Exits 0 while without xdist that is 120x40 and nothing, and
# with it 80x24 and 80; 1 if that has changed, 2 where it cannot be tried.
#
# Needs python3 with venv, curses and readline.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -c 'import curses, readline' || exit 2
python3 -m venv venv && venv/bin/pip install --quiet pytest==9.2.0 pytest-xdist==3.8.0 2> /dev/null || { echo "cannot install"; exit 2; }

cat > test_size.py <<'PYTHON'
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

PROGRAM = """
import curses, os, pathlib
screen = curses.initscr()
rows, columns = screen.getmaxyx()
curses.endwin()
pathlib.Path("size").write_text(f"{columns}x{rows} {os.environ.get('COLUMNS')}")
"""


def test_size():
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=theirs, stdout=theirs, env=dict(os.environ))
    os.close(theirs)
    try:
        while os.read(ours, 4096):
            pass
    except OSError:
        pass  # it has ended
    assert child.wait() == 0
PYTHON
unset COLUMNS LINES
size() {
    TERM=xterm venv/bin/python -m pytest -q -p no:cacheprovider "$@" test_size.py > log < /dev/null 2>&1 || { cat log; exit 2; }
    cat size
}
without=$(size)
with=$(size -n 1)
echo "without xdist: $without; with -n 1: $with"
[[ $without == "120x40 None" && $with == "80x24 80" ]]
