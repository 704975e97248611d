"""`chat-server admin`: what it asks, shows and returns, with a server that answers as it is told to."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest

from chat.base import limits
from chat.server import admin_command

HELLO = {"type": "hello", "server": "pi"}
ACK = {"type": "ack", "id": "1"}


class Server:
    """Takes connections one after the other, and writes down the first line of each."""

    def __init__(self, path: Path) -> None:
        self.asked: list[dict] = []
        self.pinged = 0
        self.answers: Sequence[dict] = ()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with closing(connection), connection.makefile("rw", encoding="utf-8") as file:
                    line = file.readline()
                    if line == "/ping\n":
                        self.pinged += 1
                        continue
                    self.asked.append(json.loads(line))
                    file.writelines(f"{json.dumps(keys)}\n" for keys in self.answers)
                    file.flush()
                    if not self.answers:
                        file.readline()  # until they go

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "chat.control")
    yield server
    server.close()


Ran = tuple[int, str, str]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(*words: str) -> Ran:
        status = admin_command.main(["--data", str(tmp_path), *words])
        return (status, *capsys.readouterr())

    return run


def test_the_words_are_one_line_and_the_answer_is_shown(server: Server, run) -> None:
    server.answers = [HELLO, {"type": "message", "text": "no"}, {"type": "reply", "text": "two\nlines", "id": "1"}, ACK]
    assert run("announce", "We", "restart at 10.") == (0, "two\nlines\n", "")
    assert server.asked == [{"line": "/admin announce We restart at 10.", "id": "1"}]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "/admin"),
        (["who"], "/admin who"),
        (["who", "--json"], "/admin who"),
        (["announce", "--", "--json", "is new"], "/admin announce --json is new"),
        (["announce", "Ünïcode ☃"], "/admin announce Ünïcode ☃"),
    ],
    ids=" ".join,
)
def test_what_is_asked(words: list[str], line: str, server: Server, run) -> None:
    server.answers = [HELLO, ACK]
    assert run(*words)[0] == 0
    assert server.asked[0]["line"] == line


def test_scripts_get_the_objects(server: Server, run) -> None:
    reply = {"type": "reply", "text": "José", "here": 2, "id": "1"}
    server.answers = [HELLO, reply, ACK]
    status, out, _ = run("--json", "who")
    assert (status, [json.loads(line) for line in out.splitlines()]) == (0, [reply, ACK])
    assert "José" in out


@pytest.mark.parametrize("id", [{"id": "1"}, {}], ids=["with its id", "a line too long to be read"])
def test_what_is_refused_is_one_line_on_standard_error(id: dict, server: Server, run) -> None:
    error = {"type": "error", "code": "usage", "text": "/admin who", **id}
    server.answers = [HELLO, error]
    assert run("who", "me") == (1, "", "chat-server admin: usage: /admin who\n")
    status, out, err = run("--json", "who", "me")
    assert (status, json.loads(out), err) == (1, error, "")


def test_a_server_that_goes_away_is_told_from_one_that_refuses(server: Server, run) -> None:
    server.answers = [HELLO, {"type": "reply", "command": "quit", "text": "The server is stopping."}]
    assert run("who") == (3, "", "chat-server admin: The server went away without an answer.\n")


def test_a_server_that_hangs_is_not_waited_for_for_ever(server: Server, run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONTROL_SECONDS", 0.01)
    assert run("who") == (3, "", "chat-server admin: The server does not answer.\n")


def test_one_that_is_only_busy_is_waited_for(tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONTROL_SECONDS", 0.2)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "chat.control"))
    listening.listen()

    def serve() -> None:
        first, _ = listening.accept()
        second, _ = listening.accept()
        assert second.recv(100) == b"/ping\n"
        second.sendall(f"{json.dumps(HELLO)}\n".encode())
        first.sendall(
            "".join(
                f"{json.dumps(keys)}\n" for keys in (HELLO, {"type": "reply", "text": "Done.", "id": "1"}, ACK)
            ).encode()
        )
        for each in (first, second, listening):
            each.close()

    thread = Thread(target=serve)
    thread.start()
    assert run("backup") == (0, "Done.\n", "")
    thread.join()


def test_where_no_server_is_it_says_where_it_looked(run, tmp_path: Path) -> None:
    where = tmp_path / "chat.control"
    told = f"chat-server admin: No server is to be reached by {where}: No such file or directory.\n"
    assert run("who") == (3, "", told)
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(where))
    assert run("who", "--language", "es")[0] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--control", "none", "who"], "--control none: then there is no way to the server."),
        (["who", "--jsn"], "--jsn: there is no such option; is it --json? --help lists all."),
        (["--data", "/nowhere", "who"], "--data /nowhere: there is no such directory."),
    ],
)
def test_a_wrong_word_is_one_line(words: list[str], said: str, run) -> None:
    assert run(*words) == (1, "", f"chat-server admin: {said}\n")


def test_another_file_may_be_named(tmp_path: Path, run) -> None:
    server = Server(tmp_path / "other")
    server.answers = [HELLO, ACK]
    assert run("--control", "other", "who")[0] == 0
    server.close()


def test_its_help_has_its_own_options_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        admin_command.main(["--help"])
    out = capsys.readouterr().out
    assert out.startswith("Usage: chat-server admin [COMMAND] [options]\n")
    assert {line.split()[0].rstrip("=") for line in out.splitlines() if line.startswith("  --")} == {
        "--data", "--control", "--config", "--language", "--version", "--help", "--json",
    }  # fmt: skip
    assert max(map(len, out.splitlines())) <= 80


def test_what_people_said_is_an_object_a_line_and_all_else_stands_aside(server: Server, run) -> None:
    events = [{"type": "message", "text": "José"}, {"type": "message", "text": "two"}]
    page = {"type": "history", "events": events[:1], "id": "1"}
    reply = {"type": "reply", "text": "2 lines; that is all.", "id": "1"}
    server.answers = [HELLO, page, {**page, "events": events[1:]}, reply, ACK]
    status, out, err = run("export", "amy")
    assert (status, [json.loads(line) for line in out.splitlines()]) == (0, events)
    assert err == "2 lines; that is all.\n"
