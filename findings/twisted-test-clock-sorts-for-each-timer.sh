#!/usr/bin/env bash
# Twisted 26.10.0: `twisted.internet.task.Clock`, the clock of tests, sorts all its timers again for each one that is added,
# and asks every one of them for its time.  The reactors keep theirs in a heap, so one would guess that a test with ten
# thousand timers costs about what the program does; it asks fifty million times.
#
# Seen: how often timers were asked for their time while so many were added one after the other: n * (n + 1) / 2 times.
# Counted, not timed.  Exits 0 while that is so, 1 if it has changed, 2 where it cannot be tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet twisted==26.10.0 2> /dev/null || { echo "cannot install"; exit 2; }

cat > timers.py <<'PYTHON'
from twisted.internet.base import DelayedCall
from twisted.internet.task import Clock

asked = 0
time_of = DelayedCall.getTime


def counted(call):
    global asked
    asked += 1
    return time_of(call)


DelayedCall.getTime = counted
for many in (100, 1000):
    asked, clock = 0, Clock()
    for seconds in range(many):
        clock.callLater(seconds, print)
    print(many, asked)
PYTHON
venv/bin/python timers.py | tee seen
cmp -s seen - <<'SEEN'
100 5050
1000 500500
SEEN
