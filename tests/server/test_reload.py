"""SIGHUP: what is read anew, what is said of it, and that nothing changes where anything is wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from chat.base.language import Sentence, say
from chat.server.options import Options
from chat.server.reload import RELOADED, Reload


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What was logged."""
    lines: list[str] = []

    def note(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(note)
    yield lines
    globalLogPublisher.removeObserver(note)


class Running:
    """A server of which only the options count, and its file."""

    def __init__(
        self, path: Path, text: str, *words: str, others: tuple[Callable[[], Sentence | None], ...] = ()
    ) -> None:
        self.path = path
        self.applied: list[Options] = []
        path.write_text(text)
        options = Options()
        options.parseOptions(["--name", "pi", "--config", str(path), *words])
        self.reload = Reload(options, self.applied.append, others)

    def with_file(self, text: str) -> None:
        self.path.write_text(text)
        self.reload.on_signal()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.conf"


def test_each_thing_that_changed_is_a_line(path: Path, said: list[str]) -> None:
    server = Running(path, "grace 5\nban 192.0.2.1\n")
    server.with_file(
        "grace 6\nrate 0.5\nkeep 30d\nhistory 20\nban 192.0.2.2\nban 10.0.0.0/8\nmax-per-host 40\nmin-free 2GB\n"
    )
    assert sorted(said) == [
        "ban: added 10.0.0.0/8 192.0.2.2/32, taken away 192.0.2.1/32",
        "grace: 5 -> 6 (for lines that drop from now on)",
        "keep: all -> 30d",
        "max-per-host: 200 -> 40 (nobody who is here is sent away)",
        "min-free: - -> 2GB",
        "rate: 2.0 -> 0.5 (for who connects from now on)",
    ]
    assert [(new["grace"], new["rate"]) for new in server.applied] == [(6, 0.5)]


def test_a_ban_that_is_only_taken_away_is_told_with_its_option(path: Path, said: list[str]) -> None:
    server = Running(path, "ban 192.0.2.1\n")
    server.with_file("")
    assert said == ["ban: taken away 192.0.2.1/32"]


def test_what_a_preset_does_at_a_start_alone_is_told(path: Path, said: list[str]) -> None:
    Running(path, "").with_file("for class\n")
    assert "for: - -> class (class mode, and the question for a word, come with the next start)" in said


def test_another_proxy_counts_for_who_connects_from_now_on(path: Path, said: list[str]) -> None:
    server = Running(path, "proxy 127.0.0.1\n")
    server.with_file("proxy 10.0.0.0/24\nproxy 10.0.1.1\n")
    assert said == ["proxy: added 10.0.0.0/24 10.0.1.1/32, taken away 127.0.0.1/32 (for who connects from now on)"]
    assert [sorted(map(str, new["proxy"])) for new in server.applied] == [["10.0.0.0/24", "10.0.1.1/32"]]


def test_nothing_changed_is_said_too(path: Path, said: list[str]) -> None:
    server = Running(path, "grace 5\n")
    server.with_file("# five\ngrace = 5\n")
    assert said == ["Nothing changed."]
    assert server.applied == []


def test_without_a_file_nothing_changes(said: list[str]) -> None:
    options = Options()
    options.parseOptions([])
    Reload(options, lambda _: None).on_signal()
    assert said == ["Nothing changed."]


def test_what_was_said_once_is_not_said_again(path: Path, said: list[str]) -> None:
    server = Running(path, "grace 5\n")
    server.with_file("grace 6\n")
    said.clear()
    server.with_file("grace 6\n")
    assert said == ["Nothing changed."]


def test_what_needs_a_restart_is_said_each_time_and_not_applied(path: Path, said: list[str]) -> None:
    server = Running(path, "port 4000\ndatabase a\n")
    for _ in range(2):
        server.with_file("port 4000\nport 4001\ndatabase b\n")
    restart = "(needs a restart; until then it stays as it was)"
    assert sorted(said) == [f"database: a -> b {restart}"] * 2 + [f"port: 4000 -> 4000 | 4001 {restart}"] * 2
    assert server.applied == []


@pytest.mark.parametrize("bad", ["grace soon", "colour red", "ban 10.0.0.1/8", "motd /nowhere"])
def test_where_anything_is_wrong_all_stays_as_it_was(path: Path, said: list[str], bad: str) -> None:
    others: list[str] = []
    server = Running(path, "grace 5\n", others=(lambda: others.append("looked at"),))
    server.with_file(f"grace 6\n{bad}\n")
    (line,) = said
    assert line.startswith(f"All options stay as they were: {path}, line 2: {bad.split()[0]}")
    assert server.applied == []
    assert others == []


def test_a_file_that_is_gone_changes_nothing(path: Path, said: list[str]) -> None:
    server = Running(path, "grace 5\n")
    path.unlink()
    server.reload.on_signal()
    assert said == [f"All options stay as they were: --config {path}: No such file or directory."]


def test_the_command_line_still_wins(path: Path, said: list[str]) -> None:
    server = Running(path, "", "--grace", "5")
    server.with_file("grace 6\n")
    assert said == ["Nothing changed."]


def test_the_message_of_the_day_is_read_again_and_shown_harmless(path: Path, tmp_path: Path, said: list[str]) -> None:
    motd = tmp_path / "motd"
    motd.write_text("Be kind.\n")
    server = Running(path, f"motd {motd}\n")
    motd.write_text("Be\x1b[31m {kind}.\nAnd quick.\n")
    server.reload.on_signal()
    assert said == ["motd: Be kind. -> Be␛[31m {kind}. | And quick."]


def test_what_else_changed_is_a_line_too(path: Path, said: list[str]) -> None:
    server = Running(path, "grace 5\n", others=(lambda: say("The certificate is a new one."), lambda: None))
    server.with_file("grace 6\n")
    assert said == ["grace: 5 -> 6 (for lines that drop from now on)", "The certificate is a new one."]


def test_what_is_reloaded_are_options(path: Path) -> None:
    options = Options()
    options.parseOptions([])
    assert set(RELOADED) <= set(options)


def test_another_password_of_the_server_counts_and_is_not_told(path: Path, tmp_path: Path, said: list[str]) -> None:
    word = tmp_path / "word"
    word.write_text("tulip time\n")
    server = Running(path, f"password-file {word}\n")
    word.write_text("rose garden\n")
    server.reload.on_signal()
    server.reload.on_signal()
    word.write_text("\n")
    server.reload.on_signal()
    server.with_file("")
    assert said == [
        "password: *** -> *** (for whoever has no nickname yet)",
        "Nothing changed.",
        f"All options stay as they were: {path}, line 1: password-file {word}: one line with the password would be "
        "right.",
        "password: *** -> - (for whoever has no nickname yet)",
    ]
    assert server.applied[0]["password"].fits("rose garden")
