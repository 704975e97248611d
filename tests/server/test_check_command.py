"""`chat-server check`: all that is wrong is told at once, and nothing on disk is touched."""

import fcntl
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ports import held_port

from chat.doors import certificate, ssh_keys
from chat.server import check_command, options
from chat.store.sqlite.schema import MIGRATIONS, prepare


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as holder:
        yield holder.getsockname()[1]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    return tmp_path


def on_disk(directory: Path) -> dict[str, tuple[int, int, int]]:
    found = {path: path.lstat() for path in [directory, *directory.rglob("*")]}
    return {str(path): (stat.st_size, stat.st_mtime_ns, stat.st_mode) for path, stat in found.items()}


def wrong(port: int, *words: str) -> list[str]:
    """What is wrong; whatever it is, the disk stays as it was."""
    before = on_disk(Path.cwd())
    found = check_command.findings(["--port", f"tcp:{port}:interface=127.0.0.1", *words]).wrong
    assert on_disk(Path.cwd()) == before
    return found


def database(directory: Path, *, crashed: bool = False) -> Path:
    """A database as a server leaves it; after a crash what was written last is in the file beside it."""
    path = directory / "chat.sqlite3"
    os.close(prepare(path).lock)
    with closing(sqlite3.connect(path)) as connection:
        if crashed:
            connection.execute("INSERT INTO records VALUES ('session', 'x', 'no record')")
            connection.commit()
            for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                shutil.copy(name, directory / f"copy-{name.name}")
    if crashed:
        for name in list(directory.glob("copy-*")):
            name.rename(directory / name.name.removeprefix("copy-"))
    return path


def changed(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def pair(directory: Path, now: datetime | None = None) -> certificate.Files:
    return certificate.make(directory, "pi", [], now or datetime.now(UTC))


# Options.


def test_where_nothing_is_wrong_it_says_so_in_one_line(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command.main(["--port", f"tcp:{port}:interface=127.0.0.1"]) == 0
    assert capsys.readouterr() == ("Nothing is wrong: a server with these options can start.\n", "")
    assert list(Path.cwd().iterdir()) == []


def test_it_speaks_the_language_that_is_chosen(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    (Path.cwd() / "chat.sqlite3").write_bytes(b"no database" * 1000)
    assert check_command.main(["--port", f"tcp:{port}:interface=127.0.0.1", "--language", "es"]) == 1
    assert "está" in capsys.readouterr().err


def test_options_files_and_ports_are_judged_in_the_language_that_is_chosen(directory: Path) -> None:
    (directory / "chat.conf").write_text("colour red\nmotd nowhere\nlanguage es\n")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert wrong(port, "--config", "chat.conf", "--hsitory", "3", "--port", "tcp:x", "--tls-port=70000") == [
            f"{directory}/chat.conf, línea 1: colour: no existe esa opción; --help las muestra.",
            "--hsitory: no existe esa opción; ¿será --history? --help las muestra todas.",
            "--tls-port 70000: un puerto es un número del 1 al 65535.",
            f"{directory}/chat.conf, línea 2: motd {directory}/nowhere: no existe.",
            f"El puerto {port} ya lo usa otro programa, quizá un servidor anterior. Detén ese programa, o elige otro "
            "puerto con --port.",
            "--port tcp:x: no es un número del 1 al 65535 ni un endpoint como tcp:4000:interface=127.0.0.1 "
            "(invalid literal for int() with base 10: 'x').",
        ]


def test_all_that_is_wrong_comes_at_once_with_the_line_of_the_file(port: int, directory: Path) -> None:
    config = directory / "chat.conf"
    config.write_text("colour red\n# fine\ngrace soon\nmotd nowhere\nhistory 5\n--name x\n")
    (directory / "chat.sqlite3").write_bytes(b"no database" * 1000)
    found = wrong(
        port, "--config", str(config), "--shape", "round", "--ban", "10.0.0.1/8", "--sync", "x", "--backup-to", "none",
        "--port", "0", "--tls-port", f"tcp:{port}:interface=127.0.0.1", "--certificate", "none.pem", "--keep", "30",
    )  # fmt: skip
    assert [line.replace(f"{directory}/", "") for line in found] == [
        "chat.conf, line 1: colour: there is no such option; --help lists them.",
        "chat.conf, line 6: --name: options stand here without dashes, as in  port 12345",
        "chat.conf, line 3: grace soon: a whole number from 0 to 86400 would be right.",
        "--shape: there is no such option; --help lists them.",
        "--ban 10.0.0.1/8: that is an address in a network; 10.0.0.1 or 10.0.0.0/8 would be right.",
        "--port 0: a port is a number from 1 to 65535.",
        "--sync x: choose full or normal.",
        "--keep 30: is that time or lines? 30d keeps 30 days, 30lines so many lines.",
        "--backup-to none: there is no such directory.",
        "chat.conf, line 4: motd nowhere: No such file or directory.",
        "chat.sqlite3 is damaged (file is not a database). Put a backup in its place, or move it away to begin a new "
        "one.",
        "none.pem cannot be read: No such file or directory.",
        "privkey.pem cannot be read: No such file or directory.",
        f"Port {port} is given twice; once is enough.",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "fast", "--rate", "2"], []),  # the last one counts
        (["--rate"], ["--rate: its value is missing, as in --rate VALUE."]),
        (["--log-json=3"], ["--log-json: it takes no value."]),
        (["4000", "--sync=x"], ["4000: options begin with two dashes", "--sync x"]),
        (["--config", "none"], ["--config "]),
        (["--data", "none", "--backup-to", "copies"], ["--data none", "--backup-to copies"]),
        (["--database", "none/chat.sqlite3"], ["Talk cannot be kept in "]),
        (["--database", ""], ["--database: a file"]),
        (["--certificate", "x.pem"], ["--certificate: it is for an encrypted port", "", ""]),
        (["--port", "none"], ["--port none: that goes with --tls-port or --ssh-port alone"]),
        (["--port", "tcp:x"], ["--port tcp:x: not a number from 1 to 65535"]),
        (["--port", ""], ["--port : not a number from 1 to 65535"]),
        (["--tls-po", "0", "--certificate", "x.pem"], ["--tls-port 0: a port is", "", ""]),
        (["--port", "unix:none/socket"], ["Cannot listen on none/socket: No such file"]),
        (["--port", "unix:socket"], []),
        (["--port", "systemd:domain=INET:index=0"], []),
        (["--port", "stdio:"], ["--port stdio:: that is a single connection"]),
    ],
)
def test_each_option_is_looked_at(words: list[str], said: list[str], port: int) -> None:
    found = wrong(port, *words)
    assert len(found) == len(said), found
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True)), found


def test_a_message_of_the_day_that_is_no_utf_8_is_told(port: int, directory: Path) -> None:
    (directory / "motd").write_bytes(b"one\n\xe9\n")
    assert wrong(port, "--motd", "motd") == [f"--motd: {directory}/motd, line 2: this is not UTF-8."]


# Ports.


def test_the_file_of_the_password_is_looked_at(port: int, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word = directory / "word"
    assert wrong(port, "--password-file", "word") == [f"--password-file {word}: No such file or directory."]
    word.write_text("tulip time\n")
    word.chmod(0o644)
    words = ["--port", f"tcp:{port}:interface=127.0.0.1", "--password-file", "word"]
    assert check_command.main(words) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        f"Everybody on this machine may open {word}, with the chat's password; chmod 600 {word} would be right."
    )


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert wrong(port) == [
            f"Port {port} is in use by another program, perhaps by an earlier server. Stop that one, or choose another "
            "port with --port."
        ]


def test_an_encrypted_port_that_nobody_asked_for_is_only_noted(
    port: int, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other, socket.socket() as plain:
        for taken in (other, plain):
            taken.bind(("127.0.0.1", 0))
        other.listen()
        encrypted, number = (taken.getsockname()[1] for taken in (other, plain))
        monkeypatch.setattr(options, "DEFAULT_TLS_PORT", encrypted)
        (directory / "chat-certificate.pem").touch()
        plain.close()
        found = check_command.findings(["--port", str(number)])
        assert found.wrong == []
        key, taken_port = found.notes
        assert key.startswith(f"No encrypted port is open. {directory}/chat-private-key.pem is missing")
        assert taken_port.startswith(f"No encrypted port is open. Port {encrypted} is in use")
        found = check_command.findings(["--port", str(number), "--tls-port", str(encrypted)])
        assert [line.split()[0] for line in found.wrong] == [f"{directory}/chat-private-key.pem", "Port"]


def test_a_port_is_free_again_after_the_look(port: int) -> None:
    assert wrong(port) == []
    assert wrong(port) == []


def test_a_control_socket_that_cannot_be_is_wrong_where_it_is_asked_for(port: int, directory: Path) -> None:
    (directory / "chat.control").touch()
    why = f"{directory}/chat.control is there already, and no socket. Take it away."
    found = check_command.findings(["--port", f"tcp:{port}:interface=127.0.0.1"])
    assert (found.wrong, found.notes) == ([], [f"There is no control socket. {why}"])
    assert wrong(port, "--control", "chat.control") == [why]
    assert wrong(port, "--control", "none") == []


def test_the_control_socket_of_the_server_that_runs_is_wrong_where_it_is_asked_for_alone(
    port: int, directory: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as running:
        running.bind(str(directory / "chat.control"))
        running.listen()
        found = check_command.findings(["--port", f"tcp:{port}:interface=127.0.0.1"])
        assert (found.wrong, found.notes) == ([], [])
        assert wrong(port, "--control", "chat.control") == [
            f"{directory}/chat.control is another server's, which runs."
        ]


# The database.


def test_a_database_that_is_right_is_read_and_left_alone(port: int, directory: Path) -> None:
    database(directory)
    assert wrong(port) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA application_id = 7", "belongs to another program"),
        (f"PRAGMA user_version = {len(MIGRATIONS) + 1}", "was written by a newer version"),
        (
            "INSERT INTO records VALUES ('session', 'x', 'no record')",
            "in the table records the row session x (not as it was written)",
        ),
    ],
)
def test_a_database_that_a_start_would_refuse_is_told(statement: str, said: str, port: int, directory: Path) -> None:
    changed(database(directory), statement)
    (line,) = wrong(port)
    assert said in line


def test_damaged_rows_that_are_to_be_skipped_are_right(port: int, directory: Path) -> None:
    changed(database(directory), "INSERT INTO records VALUES ('session', 'x', 'no record')")
    assert wrong(port, "--skip-damaged") == []


def test_what_was_written_before_a_crash_is_looked_at(port: int, directory: Path) -> None:
    database(directory, crashed=True)
    (line,) = wrong(port)
    assert "in the table records" in line


def test_what_cannot_be_looked_at_without_a_change_is_told(port: int, directory: Path) -> None:
    path = database(directory, crashed=True)
    Path(f"{path}-shm").unlink()
    before = on_disk(directory)
    found = check_command.findings(["--port", f"tcp:{port}:interface=127.0.0.1"])
    assert (found.wrong, found.notes) == ([], [f"{path} was not looked into: that would make a file beside it."])
    assert on_disk(directory) == before


def test_an_older_database_is_left_at_its_version(port: int, directory: Path) -> None:
    path = directory / "chat.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{';'.join(MIGRATIONS[:-1])}; PRAGMA user_version = {len(MIGRATIONS) - 1}")
    before = on_disk(directory)
    found = check_command.findings(["--port", f"tcp:{port}:interface=127.0.0.1"])
    assert found.wrong == []
    assert "is of an older version" in found.notes[0]
    assert on_disk(directory) == before


def test_another_server_that_keeps_its_talk_there_is_told(port: int, directory: Path) -> None:
    path = database(directory)
    with open(f"{path}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (line,) = wrong(port)
    assert line.startswith("Another server keeps its talk in ")


def test_a_directory_in_which_nothing_can_be_written_is_told(
    port: int, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    found = wrong(port, "--backup-to", ".", "--tls-port", "systemd:domain=INET:index=0")
    reasons = ["Talk cannot be kept in ", "--backup-to ", "No certificate can be made in "]
    assert all(line.startswith(start) for line, start in zip(found, reasons, strict=True)), found


# Certificates.


def _passworded(files: certificate.Files) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sealed = serialization.BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))


def _of_another(files: certificate.Files) -> None:
    other = files.key.parent / "other"
    other.mkdir()
    shutil.copy(pair(other).key, files.key)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda files: None, []),
        (lambda files: files.key.unlink(), ["is missing"]),
        (lambda files: files.key.write_bytes(b"x"), ["holds no private key"]),
        (lambda files: files.certificate.write_bytes(b"x"), ["holds no certificate"]),
        (lambda files: files.certificate.unlink(), []),
        (_passworded, ["is protected by a password"]),
        (_of_another, ["is not that of the first certificate"]),
    ],
)  # fmt: skip
def test_the_certificate_of_the_server_itself_is_looked_at(spoil, said: list[str], port: int, directory: Path) -> None:
    spoil(pair(directory))
    found = wrong(port, "--tls-port", "systemd:domain=INET:index=0")
    assert len(found) == len(said)
    assert all(part in line for line, part in zip(found, said, strict=True))


def test_a_certificate_and_its_key_are_both_looked_at(port: int, directory: Path) -> None:
    (directory / "a.pem").write_bytes(b"x")
    (directory / "b.pem").write_bytes(b"y")
    words = ["--tls-port", "systemd:domain=INET:index=0", "--certificate", "a.pem", "--private-key", "b.pem"]
    assert ["no certificate" in wrong(port, *words)[0], "no private key" in wrong(port, *words)[1]] == [True, True]


@pytest.mark.parametrize(
    ("age", "said", "noted"),
    [(0, [], 0), (3645, [], 1), (4000, ["The certificate ended on"], 0), (-10, ["The certificate is not valid"], 0)],
)
def test_the_dates_of_a_certificate_are_looked_at(
    age: int, said: list[str], noted: int, port: int, directory: Path
) -> None:
    pair(directory, datetime.now(UTC) - timedelta(days=age))
    words = ["--tls-port", "systemd:domain=INET:index=0"]
    found = check_command.findings(["--port", f"tcp:{port}:interface=127.0.0.1", *words])
    assert [line[: len(start)] for line, start in zip(found.wrong, said, strict=True)] == said
    assert len(found.notes) == noted


def test_metrics_without_their_package_or_their_port_are_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.server.options.find_spec", lambda name: None)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        number = taken.getsockname()[1]
        missing, in_use = wrong(port, "--metrics-port", str(number))
    assert missing == "--metrics-port: it needs prometheus-client: pip install 'twisted-chat[metrics]'"
    assert in_use.startswith(f"Port {number} is in use by another program")
    assert in_use.endswith("choose another port with --metrics-port.")


def test_ssh_without_its_package_or_with_a_key_that_others_may_read_is_told(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh_keys.host_key(tmp_path)
    (tmp_path / ssh_keys.NAME).chmod(0o644)
    monkeypatch.setattr("chat.server.options.find_spec", lambda name: None)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        number = str(taken.getsockname()[1])
        missing, readable, in_use = wrong(port, "--ssh-port", number, "--data", str(tmp_path))
    assert missing == "--ssh-port: it needs Conch: pip install 'twisted-chat[ssh]'"
    assert readable.startswith("Others may read ")
    assert in_use.endswith("choose another port with --ssh-port.")
