#!/usr/bin/env bash
# Twisted 26.10.0: `tksupport.install(widget, ms, reactor)` takes a reactor and does not use it: the window is drawn by the
# global one, so that a test's clock never draws it.  And it puts a dialog in place of `twisted.python.util.getPassword`
# for the whole process, which `tksupport.uninstall()` does not take back.  One would guess that what is given is used,
# and that to uninstall undoes what to install did.
#
# Seen: how often the widget was drawn while the given clock went on by ten periods, how many calls wait in the clock and
# in the global reactor, and whether `getPassword` is the former one after `install` and after `uninstall`.  Exits 0 while
# that is so, 1 if it has changed, 2 where it cannot be tried.
#
# Needs python3 with venv and tkinter; no display.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -c 'import tkinter' 2> /dev/null || { echo "no tkinter"; exit 2; }
python3 -m venv venv && venv/bin/pip install --quiet twisted==26.10.0 2> /dev/null || { echo "cannot install"; exit 2; }

cat > drawn.py <<'PYTHON'
from twisted.internet import reactor, tksupport
from twisted.internet.task import Clock
from twisted.python import util


class Widget:
    """All that is asked of one."""

    drawn = 0

    def update(self):
        self.drawn += 1


asked_before, clock, widget = util.getPassword, Clock(), Widget()
tksupport.install(widget, ms=10, reactor=clock)
clock.advance(0.1)
waiting = len(clock.getDelayedCalls()), len(reactor.getDelayedCalls())
installed = util.getPassword is asked_before
tksupport.uninstall()
print(widget.drawn, *waiting, installed, util.getPassword is asked_before)
PYTHON
seen=$(venv/bin/python drawn.py)
echo "drawn, waiting in the clock, in the reactor; the former getPassword while installed, and afterwards: $seen"
[[ $seen == "0 0 1 False False" ]]
