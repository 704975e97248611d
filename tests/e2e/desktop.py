"""A desktop that nobody sees: Xvfb is the screen, xdotool the keyboard and the mouse, and a window is asked by Tk's own
`send` what stands in it."""

import json
import os
import secrets
import signal
import struct
import subprocess
import sys
from itertools import count
from pathlib import Path

from .peers import need
from .server import ENVIRONMENT
from .waiting import SECONDS, until

NAME = "chat-client"
_ASKER = """
import json, sys, tkinter
root = tkinter.Tk()
root.withdraw()
for line in sys.stdin:
    try:
        answer = root.tk.eval(json.loads(line)), ""
    except tkinter.TclError as error:
        answer = "", str(error) or "it failed"
    print(json.dumps(answer), flush=True)
"""
_numbers = count(1)


class Desktop:
    """A screen of this size."""

    def __init__(self, directory: Path, width: int = 1200, height: int = 800) -> None:
        need("Xvfb")
        need("xdotool")
        # Tk lets others `send` only where the display knows who they are.
        self._authority = directory / f"authority-{next(_numbers)}"
        self._authority.write_bytes(_entry(secrets.token_bytes(16)))
        read, write = os.pipe()
        screen = ("-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-auth", str(self._authority))
        self._process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), *screen], pass_fds=[write], stderr=subprocess.DEVNULL
        )
        os.close(write)
        with os.fdopen(read) as display:
            self.display = f":{display.readline().strip()}"
        self.environment = {**ENVIRONMENT, "DISPLAY": self.display, "XAUTHORITY": str(self._authority)}

    def run(self, *words: str) -> None:
        """Use the keyboard or the mouse, as xdotool has it."""
        subprocess.run(["xdotool", *words], env=self.environment, check=True, capture_output=True)

    def types(self, text: str) -> None:
        """Type this."""
        self.run("type", "--delay", "2", "--", text)

    def presses(self, *keys: str) -> None:
        """Press keys by their names: Return, ctrl+n, Page_Up."""
        self.run("key", "--delay", "10", *keys)

    def close(self) -> None:
        """Be gone."""
        self._process.terminate()
        self._process.wait(SECONDS)


class Window:
    """A client's window on this desktop, of whoever runs it with this environment."""

    def __init__(self, desktop: Desktop, directory: Path, *command: str, **environment: str) -> None:
        self.desktop = desktop
        self._log = directory / f"window-{next(_numbers)}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env={**desktop.environment, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        # A program of its own: whose display goes away ends with it.
        self._asker = subprocess.Popen(
            [sys.executable, "-c", _ASKER], env=desktop.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        until(self._is_there, what="a window")
        until(lambda: self.tells("winfo viewable .") == "1", what="that it is seen")
        # Nobody manages windows here: the one under the mouse has the keyboard, from when it comes there.
        desktop.run("mousemove", "9999", "9999", "mousemove", "300", "30")
        until(lambda: self.tells("focus"), what="that it has the keyboard")

    def _is_there(self) -> bool:
        assert self.process.poll() is None, self.said
        return NAME in self._ask("winfo interps").split()

    def _ask(self, script: str) -> str:
        assert self._asker.stdin
        assert self._asker.stdout
        self._asker.stdin.write(json.dumps(script).encode() + b"\n")
        self._asker.stdin.flush()
        answer, error = json.loads(self._asker.stdout.readline())
        assert not error, f"{script}: {error}\n{self.said}"
        return str(answer)

    @property
    def said(self) -> str:
        """What it wrote where it was started."""
        return self._log.read_text()

    def tells(self, script: str) -> str:
        """What Tcl makes of this in the window's program."""
        return self._ask(f"send {NAME} {{{script}}}")

    def close(self) -> None:
        """End it."""
        self._asker.kill()
        self._asker.communicate()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()


def _entry(cookie: bytes) -> bytes:
    """An authority for every display of this machine, as `xauth` writes it."""
    parts = (b"", b"", b"MIT-MAGIC-COOKIE-1", cookie)
    return struct.pack(">H", 0xFFFF) + b"".join(struct.pack(">H", len(part)) + part for part in parts)
