"""`python -m tests.e2e.screenshots DIRECTORY`: pictures of the window, to be looked at; with `--readme` the one that
stands in the README, in docs/window.png.

Light and dark, wide and narrow, with small pixels, many people with long names, and in both languages.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from PIL import ImageGrab

from .desktop import Desktop, Window
from .peers import Client
from .server import CHECKOUT, Server
from .waiting import pass_by, until

CLIENT = (sys.executable, "-m", "chat.client", "--gui")
README = CHECKOUT / "docs" / "window.png"


class Scene(NamedTuple):
    """How it looks."""

    name: str
    theme: str = "light"
    width: int = 1200
    height: int = 800
    scaling: float = 0.0
    language: str = "en"
    crowd: bool = True
    form: bool = False
    menu: bool = False
    down: bool = False


SCENES = (
    Scene("light"),
    Scene("dark", theme="dark"),
    Scene("small", width=640, height=480),
    Scene("small-dark", theme="dark", width=640, height=480),
    Scene("scaled", width=2400, height=1600, scaling=2.7),
    Scene("scaled-form", width=2400, height=1600, scaling=2.7, form=True),
    Scene("spanish", language="es", menu=True),
    Scene("menu", menu=True),
    Scene("form", form=True),
    Scene("form-spanish-dark", form=True, language="es", theme="dark"),
    Scene("form-small", form=True, width=640, height=480),
    Scene("down", down=True, language="es"),
)
LONG = ("maximiliano-de-todos", "wilhelmina_van_der_m", "wwwwwwwwwwwwwwwwwwww", "zo\u00eb")


def take(scene: Scene, directory: Path, path: Path) -> None:
    """A picture of this scene."""
    with ExitStack() as stack:
        server = Server(directory, "--rate", "0")
        stack.callback(server.close)
        desktop = Desktop(directory, scene.width, scene.height)
        stack.callback(desktop.close)
        home = {name: str(directory / name) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}
        config = directory / "XDG_CONFIG_HOME" / "chat"
        config.mkdir(parents=True)
        (config / "client.toml").write_text(f'theme = "{scene.theme}"\nnotify = "off"\n')
        if scene.scaling:
            (directory / "scale.py").write_text(SCALED.format(scaling=scene.scaling))
            command = [sys.executable, str(directory / "scale.py"), "--gui"]
        else:
            command = [*CLIENT]
        people = talk(server, scene, stack)
        address = ":".join(server.address)
        words = [] if scene.form else ["-n", "amy", address]
        window = Window(desktop, directory, *command, "--language", scene.language, *words, **home)
        stack.callback(window.close)
        window.tells(f"wm geometry . {scene.width}x{scene.height}+0+0")
        if scene.form:
            for field, value in {"server": "tls:/nowhere", "nick": "amy"}.items():
                window.tells(f".form.box.{field} insert 0 {{{value}}}")
            window.tells(".form.box.go invoke")
        else:
            until(lambda: window.tells("winfo exists .chat.rooms") == "1")
            until(lambda: window.tells("winfo ismapped .chat") == "1")
            act(scene, window, desktop, people)
        if scene.down:
            server.process.kill()
            server.process.wait()
            until(lambda: window.tells(".chat.bar.dot cget -style") == "Error.TLabel")
            desktop.presses("Return")
        pass_by(1.0)
        os.environ["XAUTHORITY"] = desktop.environment["XAUTHORITY"]
        ImageGrab.grab(xdisplay=desktop.display).save(path, optimize=True)


def talk(server: Server, scene: Scene, stack: ExitStack) -> Sequence[Client]:
    """Somebody is there."""
    names = ["bob", "carl", "dee"]
    if scene.crowd:
        names += [*LONG, *(f"person{number:02}" for number in range(40 - len(LONG)))]
    people = []
    for name in names:
        client = Client(server, name)
        stack.callback(client.close)
        client.says(name)
        people.append(client)
    bob, carl, dee = people[:3]
    bob.hears("bob")
    for one in people[:3]:
        one.says("/join #ops")
        one.says("/join #lobby")
    bob.says("build is red again: https://ci.example.org/builds/4711")
    carl.says("/me looks")
    dee.says("/away tea")
    if scene.crowd:
        people[8].resets()
        people[3].says("/away")
    return people


def act(scene: Scene, window: Window, desktop: Desktop, people: Sequence[Client]) -> None:
    """What is seen then."""
    bob, carl = people[:2]
    for line in ("/join #ops", "/join #lobby"):
        desktop.types(line)
        desktop.presses("Return")
        pass_by(0.4)
    carl.says("amy: it was the disk, not your change")
    if scene.crowd:
        people[3].says("a long sentence that is broken somewhere, as no screen is as wide as all that, " * 3)
        people[5].says("\u4f60\u597d, \u00a1hola! \U0001f600 \u03b1\u03b2\u03b3")
    carl.says("I have freed some:")
    pass_by(0.3)
    bob.says("/msg #ops deploy at six")
    bob.says("/msg #ops amy, are you there?")
    carl.says("/msg amy shall I start it again?")
    pass_by(0.5)
    desktop.types("thanks, I start it ag")
    if scene.menu:
        window.tells(".chat.people see bob; update")
        x, y = (int(window.tells(f"winfo {root} .chat.people")) for root in ("rootx", "rooty"))
        left, top, _, height = map(int, window.tells(".chat.people bbox bob").split())
        desktop.run("mousemove", str(x + left + 20), str(y + top + height // 2), "click", "3")


SCALED = """
import tkinter
first = tkinter.Tk.__init__
def scaled(self, *args, **keys):
    first(self, *args, **keys)
    self.tk.call("tk", "scaling", {scaling})
tkinter.Tk.__init__ = scaled
from chat.client.main import main
main()
"""


def main(arguments: list[str]) -> None:
    """Take them."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screenshots", description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args(arguments)
    scenes = [(scene, options.directory / f"{scene.name}.png") for scene in SCENES if options.directory]
    if options.readme:
        scenes.append((Scene("readme", width=900, height=520, crowd=False), README))
    for scene, path in scenes:
        if options.only in (None, scene.name):
            with tempfile.TemporaryDirectory() as directory:
                take(scene, Path(directory), path)
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
