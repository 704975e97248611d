"""What the operator's log says of an event: harmless, bounded, not too often, and never what people said."""

import ast
import errno
import json
import string
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import tcp
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

import chat
from chat.base import limits
from chat.base.errors import Refused
from chat.base.language import say
from chat.base.text import visible
from chat.server.logbook import Form, LogBook, as_json, as_text


class Paper:
    """What is written to, while there is ink."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.error: OSError | None = None

    def write(self, entry: str) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(entry)

    def reopen(self) -> None:
        self.written.append("reopened")


class Desk:
    """A log book and somebody who writes in it."""

    def __init__(self, form: Form = as_text) -> None:
        self.paper = Paper()
        self.now = 0.0
        self.book = LogBook(self.paper, form, lambda: self.now)
        self.logger = Logger("somewhere", observer=self.book)

    @property
    def texts(self) -> list[str]:
        """What stands there behind date and system."""
        return [entry.partition("] ")[2].removesuffix("\n") for entry in self.paper.written]

    @property
    def objects(self) -> list[dict[str, object]]:
        return [json.loads(entry) for entry in self.paper.written]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def json_desk() -> Desk:
    return Desk(as_json)


def failure(raises: Callable[[], object]) -> Failure:
    try:
        raises()
    except Exception:
        return Failure()
    raise AssertionError("nothing was raised")


# Form.


def test_an_entry_has_its_date_and_where_it_comes_from(desk: Desk) -> None:
    desk.logger.info("{count} lines", count=3)
    (entry,) = desk.paper.written
    assert entry.endswith("[somewhere#info] 3 lines\n")
    assert entry[4] == entry[7] == "-"


def test_an_object_has_its_date_in_utc_and_where_it_comes_from(json_desk: Desk) -> None:
    json_desk.book({"log_format": "{count} lines", "count": 3, "log_time": 1795339200.25, "log_level": LogLevel.warn,
                    "log_namespace": "somewhere"})  # fmt: skip
    assert json_desk.paper.written == [
        '{"time": "2026-11-22T09:20:00.250Z", "level": "warn", "system": "somewhere", "text": "3 lines"}\n'
    ]


def test_an_event_without_text_is_no_entry(desk: Desk, json_desk: Desk) -> None:
    for each in (desk, json_desk):
        each.book({"log_namespace": "x"})
        assert each.paper.written == []


def test_a_failure_is_told_with_its_traceback(desk: Desk) -> None:
    desk.logger.failure("It broke", failure(lambda: 1 // 0))
    (text,) = desk.texts
    assert text.startswith("It broke\n\tTraceback (most recent call last):\n\t")
    assert text.endswith("\n\tbuiltins.ZeroDivisionError: integer division or modulo by zero")


def test_a_failure_is_one_object_on_one_line(json_desk: Desk) -> None:
    json_desk.logger.failure("It broke", failure(lambda: 1 // 0))
    (entry,) = json_desk.paper.written
    assert entry.count("\n") == 1
    (told,) = json_desk.objects
    assert (told["text"], told["level"]) == ("It broke", "critical")
    assert str(told["traceback"]).endswith("builtins.ZeroDivisionError: integer division or modulo by zero")


# What people can make it say.


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_written(text: str) -> None:
    desk, json_desk = Desk(), Desk(as_json)
    for each in (desk, json_desk):
        each.logger.info("{text}", text=text)
        for entry in each.paper.written:
            assert entry.endswith("\n")
            lines = entry[:-1].split("\n")
            assert all(visible(line) == line for line in lines)
            assert all(line.startswith("\t") for line in lines[1:])
    for entry in json_desk.paper.written:
        assert "\n" not in entry[:-1]
        json.loads(entry)


def test_text_with_braces_is_no_format(desk: Desk) -> None:
    desk.logger.info("{text}", text="{secret} {log_time} {0}", secret="xyzzy")
    assert desk.texts == ["{secret} {log_time} {0}"]


def test_of_a_long_entry_the_middle_is_left_out(desk: Desk, json_desk: Desk) -> None:
    for each in (desk, json_desk):
        each.logger.info("{text}", text="begin" + "x" * 10**6 + "end")
        (entry,) = each.paper.written
        assert len(entry) < limits.LOG_ENTRY + 200
        assert "begin" in entry
        assert "xend" in entry
        assert f"({10**6 + 8 - limits.LOG_ENTRY} characters left out)" in entry


@pytest.mark.parametrize(
    "raises",
    [
        lambda: int("xyzzy"),
        lambda: {}["xyzzy"],
        lambda: {}["it's xyzzy"],
        lambda: json.loads('{"xyzzy'),
        lambda: "xyzzy\ud800".encode(),
        lambda: b"xyzzy\xff".decode(),
        lambda: [].index("xyzzy \"and' more"),
        lambda: "{xyzzy}".format_map({}),
    ],
    ids=["number", "key", "apostrophe", "json", "encode", "decode", "index", "format"],
)
def test_an_error_that_quotes_what_it_was_given_is_told_without_it(raises: Callable[[], object]) -> None:
    for each in (Desk(), Desk(as_json)):
        error = failure(raises)
        frames = len(error.frames)
        error.frames = []  # a frame shows a line of source, which here holds the word itself
        each.logger.failure("It broke", error)
        (entry,) = each.paper.written
        assert "xyzzy" not in entry
        assert error.type.__name__ in entry
        assert frames


def test_an_error_of_the_chat_is_told_without_what_it_says_of_people(desk: Desk) -> None:
    def refuse() -> None:
        raise Refused("nick-taken", say("{nick} is here already.", nick="".join(["xy", "zzy"])))

    desk.logger.failure("It broke", failure(refuse))
    assert "Refused" in desk.texts[0]
    assert "xyzzy" not in desk.texts[0]


def test_a_path_of_an_error_of_the_system_is_told(desk: Desk) -> None:
    desk.logger.failure("It broke", failure(lambda: Path("/nonexistent/file").read_bytes()))
    assert "'/nonexistent/file'" in desk.texts[0]


def test_locals_are_not_told(desk: Desk) -> None:
    def broken(text: str) -> int:
        words = text.split()
        return len(words) // 0

    desk.logger.failure("It broke", failure(lambda: broken("".join(["xy", "zzy"]))))
    assert "xyzzy" not in desk.texts[0]


def test_every_call_of_a_logger_has_a_format_of_its_own_and_what_that_names() -> None:
    """People's words never are a format, and no call hands over more than it shows."""
    calls = 0
    for path in Path(chat.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "logger"):
                continue
            calls += 1
            where = f"{path.name}:{node.lineno}"
            assert isinstance(node.args[0], ast.Constant), where
            named = {name for _, name, _, _ in string.Formatter().parse(node.args[0].value) if name}
            assert named == {keyword.arg for keyword in node.keywords}, where
            assert named <= HARMLESS, where
    assert calls > 20


HARMLESS = {
    "change", "count", "directory", "host", "line", "log", "more", "path", "reason", "seconds", "seq", "size", "where",
    "timeline", "what", "nick", "node", "old",
}  # fmt: skip
"""What calls of a logger may name; a new name is a question: can it hold what people said, or a code?  Nicknames stand
there only with `--log-connections`."""


# How often.


def test_what_happens_a_thousand_times_a_second_stands_there_a_few_times(desk: Desk) -> None:
    for _ in range(1000):
        desk.logger.error("It broke")
    desk.logger.error("Another one")
    assert desk.texts == ["It broke"] * limits.LOG_SAME + ["Another one"]
    desk.now = limits.LOG_SECONDS
    desk.logger.error("It broke")
    assert desk.texts[-1] == f"It broke ({1000 - limits.LOG_SAME} more like this were left out)"
    desk.logger.error("It broke")
    assert desk.texts[-1] == "It broke"


def test_an_object_says_how_many_were_left_out(json_desk: Desk) -> None:
    for _ in range(100):
        json_desk.logger.error("It broke")
    json_desk.now = limits.LOG_SECONDS
    json_desk.logger.error("It broke")
    assert json_desk.objects[-1]["more"] == 100 - limits.LOG_SAME


def test_connections_that_find_no_file_descriptor_are_one_line_in_ten_seconds(desk: Desk) -> None:
    class Listener:
        """A thousand wait, and there is no file descriptor for one."""

        waiting = 1000

        def accept(self) -> tuple[object, object]:
            if reserved.open:
                raise OSError(errno.EMFILE, "")
            if not self.waiting:
                raise BlockingIOError(errno.EAGAIN, "")
            self.waiting -= 1
            return self, ("192.0.2.1", 1)

        def close(self) -> None: ...

    class Reserved:
        """The one that Twisted keeps for this."""

        open = True

        def available(self) -> bool:
            return True

        def __enter__(self) -> None:
            self.open = False

        def __exit__(self, *_: object) -> None:
            self.open = True

    reserved = Reserved()
    logger = Logger(tcp.Port._logger.namespace, observer=desk.book)
    for second in (0, 1, 10, 11):
        desk.now = second
        listener = Listener()
        assert list(tcp._accept(logger, range(2000), listener, reserved)) == []
        assert listener.waiting == 0
    first, second = desk.texts
    assert first == (
        "A connection was refused: all file descriptors are in use; a higher `ulimit -n` before the start helps"
    )
    assert second == f"{first} (1999 more like this were left out)"


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"])
def test_a_system_without_means_is_told_as_rarely(error: str, desk: Desk) -> None:
    logger = Logger(tcp.Port._logger.namespace, observer=desk.book)
    for _ in range(100):
        logger.info("Could not accept new connection ({acceptError})", acceptError=error)
    assert len(desk.texts) == 1


def test_kinds_without_end_cost_no_memory(desk: Desk) -> None:
    for number in range(3 * limits.LOG_KINDS):
        desk.logger.info(f"kind {number}")
    assert len(desk.book._kinds) <= limits.LOG_KINDS + 1
    assert len(desk.texts) == 3 * limits.LOG_KINDS


# Where it cannot be written.


def test_what_could_not_be_written_is_counted_and_told_later(desk: Desk) -> None:
    desk.paper.error = OSError(errno.ENOSPC, "No space left on device")
    for _ in range(3):
        desk.logger.info("It broke")
    desk.paper.error = None
    desk.logger.info("It works")
    desk.logger.info("It works")
    assert desk.texts == ["3 entries could not be written", "It works", "It works"]


def test_a_new_log_is_begun_where_it_is_written(desk: Desk) -> None:
    desk.book.reopen()
    assert desk.paper.written == ["reopened"]


def test_any_thread_may_log(desk: Desk) -> None:
    def log(name: str) -> None:
        for _ in range(limits.LOG_SAME):
            Logger(name, observer=desk.book).info("line of {name}", name=name)

    threads = [threading.Thread(target=log, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.texts) == 8 * limits.LOG_SAME
