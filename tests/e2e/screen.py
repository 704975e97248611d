"""A program on a screen: tmux is the terminal, so what is tested is what a person would see."""

import os
import subprocess
from itertools import count
from pathlib import Path

from .peers import need
from .server import ENVIRONMENT
from .waiting import SECONDS, until

_numbers = count(1)


class Screen:
    """A program in a tmux of its own, 80 columns and 24 rows."""

    def __init__(self, directory: Path, *command: str) -> None:
        need("tmux")
        need(command[0])
        self._socket = directory / f"tmux-{next(_numbers)}.sock"
        # After the command the window stays, so that its last words can be seen.
        size = ("-x", "80", "-y", "24")
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, *command, ";", "set", "-g", "remain-on-exit", "on")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", self._socket, *words], env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        return done.stdout

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without empty lines at its end."""
        return self._tmux("capture-pane", "-p").rstrip("\n").split("\n")

    @property
    def styled(self) -> str:
        """The same with what colours it."""
        return self._tmux("capture-pane", "-p", "-e")

    def tells(self, format: str) -> str:
        """What tmux knows of the window, such as `#{pane_title}` or `#{cursor_x}`."""
        return self._tmux("display-message", "-p", format).rstrip("\n")

    def shows(self, line: str, seconds: float = SECONDS) -> None:
        """Wait until a line of the screen is this one."""
        until(lambda: line in self.lines, seconds, f"{line!r} on the screen:\n" + "\n".join(self.lines))

    def types(self, line: str) -> None:
        """Type a line and press Enter."""
        self._tmux("send-keys", "-l", line)
        self.presses("Enter")

    def presses(self, *keys: str) -> None:
        """Press keys by tmux's names for them: Enter, C-c, Up, BSpace."""
        self._tmux("send-keys", *keys)

    def pastes(self, text: str) -> None:
        """Paste a text, as a terminal does that a program asked to bracket it."""
        self._tmux("set-buffer", "-b", "paste", "--", text)
        self._tmux("paste-buffer", "-p", "-r", "-b", "paste")

    def resizes(self, columns: str, rows: str) -> None:
        """Be of another size."""
        self._tmux("resize-window", "-x", columns, "-y", rows)

    def close_window(self) -> None:
        """Take the terminal away under the program, as closing its window does."""
        self._tmux("set", "-g", "remain-on-exit", "off", ";", "new-window", ";", "kill-window", "-t", ":0")

    def signals(self, number: int) -> None:
        """Send a signal to the newest program on it, as another terminal may."""
        found = subprocess.run(["pgrep", "-P", self.tells("#{pane_pid}")], capture_output=True, text=True, check=True)
        os.kill(int(found.stdout.split()[-1]), number)

    def signals_itself(self, number: int) -> None:
        """Send a signal to the program that the screen was made for."""
        os.kill(int(self.tells("#{pane_pid}")), number)

    @property
    def has_ended(self) -> bool:
        """The program on it has ended."""
        return self.tells("#{pane_dead}") == "1"

    def close(self) -> None:
        """Be gone."""
        self._tmux("kill-server")
