"""`python -m tests.bench.window`: how the window feels while a server talks much, on a virtual screen.

The server of `tests.bench.terminal` floods one room.  Measured are the time from a key to its letter on the screen, by
a keyboard that is made up (XTEST) and a picture of the row that is typed; what one more line costs in a conversation of
so many, drawn; the CPU time of an arriving line, and memory before and after.
"""

import argparse
import ctypes
import ctypes.util
import os
import random
import sys
import tempfile
import time
import tkinter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chat.base.language import Language
from chat.client.faces.window.look import Look
from chat.client.faces.window.pages import PageText
from chat.client.settings import Settings
from chat.client.talk.conversation import Conversation, LineKind, Shown
from chat.client.talk.me import Me
from chat.client.talk.objects import Said
from chat.client.talk.page import Page
from tests.bench.terminal import WORDS, Flood
from tests.e2e.desktop import Desktop, Window

CLIENT = (sys.executable, "-m", "chat.client", "--gui")


class Screen:
    """Keyboard and pictures of a display, with no program in between."""

    def __init__(self, display: str, authority: str) -> None:
        os.environ["XAUTHORITY"] = authority
        self._x = ctypes.CDLL(ctypes.util.find_library("X11"))
        self._test = ctypes.CDLL(ctypes.util.find_library("Xtst"))
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XGetImage.restype = ctypes.POINTER(_Image)
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(display.encode()))
        self._root = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))

    def press(self, *names: str) -> None:
        """Press keys, all of them at once."""
        codes = [self._x.XKeysymToKeycode(self._display, self._x.XStringToKeysym(name.encode())) for name in names]
        for code in codes:
            self._test.XTestFakeKeyEvent(self._display, code, 1, 0)
        for code in reversed(codes):
            self._test.XTestFakeKeyEvent(self._display, code, 0, 0)
        self._x.XFlush(self._display)

    def picture(self, x: int, y: int, width: int, height: int) -> bytes:
        """What is seen there."""
        image = self._x.XGetImage(
            self._display, self._root, x, y, width, height, ctypes.c_ulong(0xFFFFFFFF), 2
        )  # ZPixmap
        seen = ctypes.string_at(image.contents.data, image.contents.bytes_per_line * height)
        self._x.XFree(ctypes.c_void_p(image.contents.data))
        self._x.XFree(image)
        return seen


class _Image(ctypes.Structure):
    """The beginning of an XImage."""

    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("xoffset", ctypes.c_int),
        ("format", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("byte_order", ctypes.c_int),
        ("bitmap_unit", ctypes.c_int),
        ("bitmap_bit_order", ctypes.c_int),
        ("bitmap_pad", ctypes.c_int),
        ("depth", ctypes.c_int),
        ("bytes_per_line", ctypes.c_int),
    )


def middle_and_high(times: Sequence[float]) -> str:
    """p50 and p95, of seconds."""
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2] * 1000:.1f}, p95 {ordered[int(len(ordered) * 0.95)] * 1000:.1f} ms"


def flooded(desktop: Desktop, directory: Path, rate: int, seconds: float, say: Callable[[str], object]) -> None:
    """Keys while lines come at this rate."""
    flood = Flood()
    home = {name: str(directory / f"{name}-{rate}") for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    window = Window(desktop, directory, *CLIENT, "-n", "amy", f"127.0.0.1:{flood.port}", **home)
    try:
        flood.wait()
        time.sleep(1)
        place = [int(window.tells(f"winfo {what} .chat.middle.bottom.entry")) for what in _PLACE]
        screen = Screen(desktop.display, desktop.environment["XAUTHORITY"])
        window.tells(".chat.middle.bottom.entry configure -insertofftime 0")
        cpu, before = _used(window.process.pid)
        total = int(rate * seconds)
        talk, times = flood.talk(rate, total), list[float]()
        while talk.is_alive():
            seen = screen.picture(*place)
            began = time.perf_counter()
            screen.press("q")
            while screen.picture(*place) == seen and time.perf_counter() < began + 2:
                pass
            times.append(time.perf_counter() - began)
            if len(times) % 30 == 0:
                screen.press("Control_L", "a")
                screen.press("BackSpace")
                time.sleep(0.1)
            time.sleep(random.uniform(0.03, 0.08))  # not in step with anything
        time.sleep(1)
        spent, after = _used(window.process.pid)
        say(
            f"window       {rate:6} lines/s: key to screen {middle_and_high(times)} of {len(times)} keys; "
            f"{(spent - cpu) / total * 1e6:.0f} us CPU a line; memory {before:.0f} MB, then {after:.0f}\n"
        )
    finally:
        window.close()


def inserted(desktop: Desktop, lines: int, rounds: int, say: Callable[[str], object]) -> None:
    """One more line, drawn, in a conversation of so many."""
    os.environ.update({name: desktop.environment[name] for name in ("DISPLAY", "XAUTHORITY")})
    root = tkinter.Tk()
    root.geometry("1000x700")
    conversation = Conversation(Me(), Language("en"), lambda: datetime.now(UTC))
    page = Page(conversation.day_line)
    for number in range(lines):
        page.add(_line(number))
    shown = PageText(root, Look(root, Settings(), lambda: None), page, True, lambda: None, lambda link: None)
    shown.frame.pack(fill="both", expand=True)
    root.update()
    times, spent = list[float](), list[float]()
    for number in range(lines, lines + rounds):
        began, used = time.perf_counter(), time.process_time()
        page.add(_line(number))
        shown.draw()
        root.update()
        times.append(time.perf_counter() - began)
        spent.append(time.process_time() - used)
    say(f"window       one line more in {lines}: {middle_and_high(times)}; of CPU {middle_and_high(spent)}\n")
    root.destroy()


def _line(number: int) -> Shown:
    text, at = f"line {number}, {WORDS}", datetime.now(UTC)
    said = Said("#lobby", f"bob{number % 7}", text, number, at, None, False)
    return Shown(LineKind.TALK, f"<{said.author}> {text}", at, room="#lobby", source=said)


def _used(pid: int) -> tuple[float, float]:
    """CPU time in seconds, memory in MB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent, int(status.partition("VmRSS:")[2].split()[0]) / 1024


_PLACE = ("rootx", "rooty", "width", "height")


def main(arguments: list[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.window", description=__doc__)
    parser.add_argument("--rates", default="20,200,2000", help="lines a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=15, help="how long each (default: %(default)s)")
    parser.add_argument("--lines", type=int, default=10_000, help="in the conversation (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        desktop = Desktop(Path(directory))
        try:
            for rate in map(int, options.rates.split(",")):
                flooded(desktop, Path(directory), rate, options.seconds, sys.stdout.write)
            inserted(desktop, options.lines, 500, sys.stdout.write)
        finally:
            desktop.close()


if __name__ == "__main__":
    main(sys.argv[1:])
