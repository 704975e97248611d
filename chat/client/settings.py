"""What one wants of the client: `client.toml`, read at the start, written by `/set`; everything has a default.

What cannot be understood in it is told, and its default taken; what is not known stays as it is.  Servers are saved
in it by name.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.named_tuples import NamedTuple
from chat.base.patterns import pattern
from chat.base.reasons import unreadable
from chat.base.text import visible
from chat.client.private_files import open_private
from chat.wire import vocabulary

Value = str | bool

_HEAD = "# Settings of chat-client; /set in it writes them.\n"


class Setting(NamedTuple):
    """One of them: a switch, one of its `choices`, or any text."""

    name: str
    default: Value
    help: Sentence
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Value:
        """The value that this text means; raises `Refused`."""
        if isinstance(self.default, bool):
            if (switch := vocabulary.switch(text)) is None:
                raise self._unfit("on, off")
            return switch
        if self.choices and text not in self.choices:
            raise self._unfit(", ".join(self.choices))
        return text

    def _unfit(self, choices: str) -> Refused:
        return Refused("usage", say("{name} takes one of: {choices}", name=self.name, choices=choices))

    def fits(self, value: object) -> bool:
        """Whether a file may say that."""
        return type(value) is type(self.default) and (not self.choices or value in self.choices)


TABLE: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("show", "open", say("print what is open, or all with its room"), ("open", "all")),
        Setting("fold", True, say("gather coming and going of those who have not spoken lately")),
        Setting("time", True, say("the time before each line, the days between them")),
        Setting("color", "auto", say("colours; NO_COLOR counts where it is auto"), ("auto", "on", "off")),
        Setting(
            "notify",
            "auto",
            say("what tells you that somebody calls you"),
            ("auto", "bell", "osc9", "osc777", "notify-send", "off"),
        ),
        Setting("on-mention", "", say("a command that gets what calls you on its standard input")),
        Setting("words", "", say("words that call you, beside your nickname")),
        Setting("keyring", False, say("keep the passwords of your accounts in the system's keyring")),
        Setting("theme", "auto", say("of the window: auto is as the desktop"), ("auto", "light", "dark")),
        Setting("zoom", "100", say("the letters of the window, in percent"), tuple(map(str, range(50, 310, 10)))),
        Setting("nick", "", say("your nickname")),
        Setting("server", "", say("the server where you name none")),
    )
}
"""All of them, in the order in which they are shown."""


class Saved(NamedTuple):
    """A server that has a name here."""

    address: str
    nick: str | None = None
    room: str | None = None


class Settings:
    """Those in this file; without one they are the defaults, and last as long as the program."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._keys: dict[str, object] = {}
        self._overrides: dict[str, Value] = {}
        self.problems: list[Sentence] = []
        if path is not None:
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            text = path.read_text("utf-8")
            from tomllib import loads  # 5 ms, which most starts do without

            self._keys = loads(text)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            # Nothing is written over what somebody may want to mend.
            self._path = None
            if isinstance(error, OSError):
                self._problem(unreadable(visible(str(path)), error))
            else:
                self._problem(say("{path} is no TOML: {reason}", path=str(path), reason=visible(str(error))))
            return
        for name, setting in TABLE.items():
            if name in self._keys and not setting.fits(self._keys[name]):
                told = {"path": path.name, "name": name, "value": visible(str(setting.default))}
                self._problem(say("{path}: {name} cannot be that; it is {value}.", **told))
                del self._keys[name]

    def _problem(self, sentence: Sentence) -> None:
        self.problems.append(sentence)

    def __getitem__(self, name: str) -> Value:
        value = self._overrides.get(name, self._keys.get(name, TABLE[name].default))
        assert isinstance(value, str | bool)
        return value

    def override(self, name: str, value: Value) -> None:
        """Let it be this for as long as the program runs."""
        self._overrides[name] = value

    def text(self, name: str) -> str:
        """One that is a text."""
        return str(self[name])

    def put(self, name: str, value: Value) -> None:
        """Let it be this from now on, and at the next start; raises `OSError` where that cannot be written."""
        self._overrides.pop(name, None)
        if value == TABLE[name].default:
            self._keys.pop(name, None)
        else:
            self._keys[name] = value
        self._write()

    def server(self, name: str) -> Saved | None:
        """The server that is saved under this name."""
        match self._servers().get(name):
            case str(address):
                return Saved(address)
            case {"address": str(address), **more}:
                nick, room = more.get("nick"), more.get("room")
                return Saved(address, nick if isinstance(nick, str) else None, room if isinstance(room, str) else None)
        return None

    def save_server(self, name: str, saved: Saved) -> None:
        """Keep a server under this name; raises `OSError`."""
        keys = {"address": saved.address, "nick": saved.nick, "room": saved.room}
        self._keys["servers"] = {
            **self._servers(),
            name: {key: value for key, value in keys.items() if value is not None},
        }
        self._write()

    def _servers(self) -> Mapping[str, object]:
        servers = self._keys.get("servers")
        return servers if isinstance(servers, dict) else {}

    def _write(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.new")
        descriptor = open_private(new, os.O_WRONLY | os.O_TRUNC)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(_HEAD + toml(self._keys))
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def settings_path(environ: Mapping[str, str]) -> Path | None:
    """Where they stand; None where there is no home."""
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".config"
        except RuntimeError:
            return None
    return base / "chat" / "client.toml"


def toml(keys: Mapping[str, object], *above: str) -> str:
    """These keys as TOML; tables come last, as they must."""
    values = [f"{_key(name)} = {_value(value)}\n" for name, value in keys.items() if not isinstance(value, dict)]
    tables = [
        f"\n[{'.'.join(map(_key, (*above, name)))}]\n{toml(value, *above, name)}"
        for name, value in keys.items()
        if isinstance(value, dict)
    ]
    return "".join([*values, *tables])


_ESCAPED = pattern('[\x00-\x1f\x7f"\\\\]')


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{_ESCAPED.sub(_escape, value)}"'
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return f"{{{', '.join(f'{_key(name)} = {_value(other)}' for name, other in value.items())}}}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
