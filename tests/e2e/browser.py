"""Debian's Chromium, without a screen, and somebody who uses the page in it."""

import shutil
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from .server import Server
from .waiting import SECONDS, until


class Relay:
    """A line between browser and server that dies without a word when it is told to `hold`; new ones are good."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._held: set[socket.socket] = set()
        self._all: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                self._all += [one, other]
                for from_, to in ((one, other), (other, one)):
                    threading.Thread(target=self._pass_on, args=(from_, to), daemon=True).start()

    def _pass_on(self, from_: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := from_.recv(65536):
                if from_ in self._held:
                    return
                to.sendall(data)
            if from_ not in self._held:
                to.shutdown(socket.SHUT_WR)

    def hold(self) -> None:
        """From now on nothing passes on the lines that there are."""
        self._held.update(self._all)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        for connection in self._all:
            connection.close()


class Chromium:
    """A browser with an empty profile; `close` ends it."""

    def __init__(self, width: int = 1200, height: int = 800, language: str = "en-US", dark: bool = False) -> None:
        webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if chromium is None or driver is None:
            pytest.skip("chromium or chromedriver (Debian: chromium, chromium-driver) is not installed")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", f"window-size={width},{height}"):
            options.add_argument(f"--{word}")
        options.add_argument(f"--lang={language}")
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        self._size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self._dark = dark
        self.first = Tab(self, self.driver.current_window_handle)

    def prepare(self) -> None:
        """What holds for each tab by itself."""
        self.ask("Emulation.setDeviceMetricsOverride", **self._size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def ask(self, command: str, **arguments: object) -> Any:
        """Something of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def tab(self) -> "Tab":
        """A new one."""
        self.driver.switch_to.new_window("tab")
        return Tab(self, self.driver.current_window_handle)

    def close(self) -> None:
        """End it; no page may have found a fault in itself."""
        try:
            faults = [
                entry
                for entry in self.driver.get_log("browser")
                if entry["level"] != "DEBUG" and entry["source"] != "network"
            ]
        finally:
            self.driver.quit()
        assert not faults, faults


class Tab:
    """A tab, and somebody before it."""

    def __init__(self, browser: Chromium, handle: str) -> None:
        self.browser = browser
        self._handle = handle
        browser.prepare()

    @property
    def driver(self) -> Any:
        """What drives it, at this tab."""
        if self.browser.driver.current_window_handle != self._handle:
            self.browser.driver.switch_to.window(self._handle)
        return self.browser.driver

    def opens(self, server: Server, path: str = "", scheme: str = "http", port: int = 0) -> "Tab":
        """Load the page."""
        self.driver.get(f"{scheme}://{server.host}:{port or server.port}/{path}")
        return self

    def runs(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def finds(self, selector: str) -> Any:
        """The first element that is shown."""

        def found() -> Any:
            shown = [
                element for element in self.driver.find_elements("css selector", selector) if self._is_shown(element)
            ]
            return shown[0] if shown else None

        return until(found, what=f"{selector} is in the page")

    def _is_shown(self, element: Any) -> bool:
        try:
            return bool(element.is_displayed())
        except Exception:  # it is another one by now
            return False

    def presses(self, words: str) -> "Tab":
        """The button with these words, or one that is called so."""
        script = """const all = [...document.querySelectorAll("button")];
            const buttons = all.filter((button) => button.checkVisibility());
            const called = (button) => [button.textContent, button.ariaLabel ?? ""];
            return buttons.find((button) => called(button).includes(arguments[0])) ??
                buttons.find((button) => called(button).some((name) => name.includes(arguments[0])))"""
        until(lambda: self.runs(script, words), what=f"there is a button {words}").click()
        return self

    def fills(self, name: str, text: str) -> "Tab":
        """A field of a dialog, and sends it."""
        field = self.finds(f"dialog [name={name}]")
        field.clear()
        field.send_keys(text, "\n")
        return self

    def joins(self, nick: str) -> "Tab":
        """Come in."""
        self.fills("nick", nick)
        self.finds("#log")
        return self

    def is_answered(self) -> "Tab":
        """Wait until no dialog is open."""
        until(lambda: not self.runs("return document.getElementById('dialog').open"), what="the dialog is closed")
        return self

    def says(self, *lines: str) -> "Tab":
        """Type these lines, one after the other."""
        self.is_answered()
        for line in lines:
            self.finds("#line").send_keys(line, "\n")
        return self

    def types(self, *keys: str) -> None:
        """Keys, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def focus(self) -> str:
        """The id of what has it."""
        return str(self.runs("return document.activeElement.id"))

    def tree(self) -> Sequence[Mapping[str, Any]]:
        """What assistive technology is told."""
        _ = self.driver
        self.browser.ask("Accessibility.enable")
        found: Sequence[Mapping[str, Any]] = self.browser.ask("Accessibility.getFullAXTree")["nodes"]
        return found

    @property
    def shown(self) -> str:
        """What stands in the log."""
        return str(self.runs("return document.getElementById('log').innerText"))

    @property
    def lines(self) -> Sequence[str]:
        """The same, what people said alone, without times."""
        script = """return [...document.querySelectorAll("#log article:not(.note)")].map((article) =>
            [...article.childNodes].slice(2).map((node) => node.textContent).join(""))"""
        found: Sequence[str] = self.runs(script)
        return found

    def hears(self, text: str, seconds: float = SECONDS) -> "Tab":
        """Wait until this stands in the log."""
        until(lambda: text in self.shown, seconds, f"{text!r} is shown")
        return self

    def told(self, text: str, seconds: float = SECONDS) -> "Tab":
        """Wait until the page itself says this somewhere."""
        until(lambda: text in self.runs("return document.body.innerText"), seconds, f"{text!r} is told")
        return self

    def looks(self, path: Path) -> None:
        """Take a picture."""
        self.driver.save_screenshot(str(path))

    def freezes(self, frozen: bool) -> None:
        """As browsers do with tabs that nobody looks at."""
        _ = self.driver
        self.browser.ask("Page.setWebLifecycleState", state="frozen" if frozen else "active")

    def network(self, **conditions: object) -> None:
        """With these conditions from now on, as for one that is off line."""
        _ = self.driver
        usual: Mapping[str, object] = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.browser.ask("Network.enable")
        self.browser.ask("Network.emulateNetworkConditions", **{**usual, **conditions})
