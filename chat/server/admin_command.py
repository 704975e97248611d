"""`chat-server admin COMMAND…`: what whoever runs the server may ask, from a shell, a script or cron.

It goes through the control socket.  Exit codes: 0 done, 1 the server or these words refuse it, 3 no server is there.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from socket import socket
from typing import Any, ClassVar

from chat.base.command_line import Wrong
from chat.base.errors import Unfit
from chat.base.language import Sentence, say
from chat.base.reasons import system_reason
from chat.doors import control
from chat.server.options import Options

DONE, REFUSED, NOBODY = 0, 1, 3

Object = Mapping[str, Any]

_ID = "1"
_AT_ONCE = 65536
_OURS = ("data", "control", "config", "language", "version", "help")
_PROGRAM = "chat-server admin"


class _Choice(Options):
    """Where the server keeps its data is chosen as for the server itself; so its own words and file may be repeated."""

    command = f"{_PROGRAM} [COMMAND]"
    longdesc = say(
        "Tells the server that runs on this machine what to do, by its control socket; without a command it lists what "
        "there is. Words behind -- are no options. Exit codes: 0 done, 1 refused, 3 no server is there."
    )
    groups = (
        (
            say("Options:"),
            {
                **{name: sentence for _, group in Options.groups for name, sentence in group.items() if name in _OURS},
                "json": say("Show the server's answers as objects, one a line, as the JSON wire has them."),
            },
        ),
    )
    optFlags: ClassVar[list[list[Any]]] = [*Options.optFlags, ["json"]]

    def parseArgs(self, *words: str) -> None:
        """(usage.Options) What stands behind the options."""
        self["asked"] = " ".join(words)


class _Lost(Exception):
    """No server is there, or it went without an answer."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def main(words: Sequence[str]) -> int:
    """Have it done, and show what came of it."""
    options = _Choice()
    try:
        options.read(words)
        return _show(_answers(options), bool(options["json"]))
    except (Unfit, _Lost) as error:
        _complain(options.language.words(error.sentence))
        return NOBODY if isinstance(error, _Lost) else REFUSED


def _show(answers: Iterator[Object], as_json: bool) -> int:
    """Show the answers; returns whether it was done.  Of what people said each entry is an object on a line of its own,
    and what else there is to say stands aside."""
    status, out = DONE, sys.stdout
    for keys in answers:
        refused = keys.get("type") == "error"
        status = REFUSED if refused else status
        if as_json:
            sys.stdout.write(f"{json.dumps(keys, ensure_ascii=False)}\n")
        elif refused:
            _complain(f"{keys.get('code')}: {keys.get('text')}")
        elif keys.get("type") == "history":
            out = sys.stderr
            for event in keys["events"]:
                sys.stdout.write(f"{json.dumps(event, ensure_ascii=False)}\n")
        elif text := keys.get("text"):
            out.write(f"{text}\n")
    return status


def _answers(options: _Choice) -> Iterator[Object]:
    """What the server answers, up to and with the last of it; raises `Unfit` or `_Lost`."""
    path = options.control
    if path is None:
        raise Wrong("--control none", say("then there is no way to the server."))
    request = json.dumps({"line": f"/admin {options['asked']}".rstrip(), "id": _ID})
    try:
        with control.connected(path) as connection:
            connection.sendall(f"{request}\n".encode())
            yield from _of_it(_lines(connection, path))
    except TimeoutError:
        raise _Lost(say("The server does not answer.")) from None
    except OSError as error:
        raise _Lost(
            say("No server is to be reached by {path}: {reason}.", path=path, reason=system_reason(error))
        ) from None


def _lines(connection: socket, path: Path) -> Iterator[bytes]:
    """What comes; of a server that is silent for long it is asked, by another connection, whether it is there: a copy
    may take it an hour."""
    begun = b""
    while True:
        try:
            data = connection.recv(_AT_ONCE)
        except TimeoutError:
            _ping(path)
            continue
        if not data:
            return
        *lines, begun = (begun + data).split(b"\n")
        yield from lines


def _ping(path: Path) -> None:
    """Raises `TimeoutError` where the server does not answer."""
    with control.connected(path) as connection:
        connection.sendall(b"/ping\n")
        connection.recv(_AT_ONCE)


def _of_it(lines: Iterator[bytes]) -> Iterator[Object]:
    for line in lines:
        keys = json.loads(line)
        refused = keys["type"] == "error"  # without an id perhaps, where the line was too long to be read
        if keys.get("id") == _ID or refused:
            yield keys
            if refused or keys["type"] == "ack":
                return
    raise _Lost(say("The server went away without an answer."))


def _complain(text: str) -> None:
    sys.stderr.write(f"{_PROGRAM}: {text}\n")
