"""A PostgreSQL server for tests, where its programs are: one for all of a session, in memory, with a new database each
time that one is asked for."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from threading import Timer
from types import MappingProxyType
from typing import Any

import psycopg
import pytest
from database import Driven
from ports import held_port

from chat.base import limits
from chat.store.postgresql.node import PostgresNode
from chat.store.postgresql.opening import Prepared, prepare
from chat.store.postgresql.store import PostgresStore

USER = "postgres"
"""As whom it runs where the tests run as root, for it refuses to run as that."""


@cache
def programs() -> Path | None:
    """The directory of the newest version's programs."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(found).resolve().parent if found else versions[-1].parent if versions else None


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'chat' AND tablename NOT IN ('version', 'clock')"


class Server:
    """A server of PostgreSQL on this machine, or where commands run `within` these words, with what it keeps."""

    def __init__(
        self,
        directory: Path,
        settings: Sequence[str] = (),
        follows: tuple[str, int] | None = None,
        host: str = "127.0.0.1",
        within: Sequence[str] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.directory = directory
        self.host = host
        self._within = within
        self._environment = {**os.environ, **environment}
        self.held = held_port()
        self.port = self.held.getsockname()[1]
        self._settings = settings
        self._is_ours = False
        if follows is None:
            self._run("initdb", "--username", "chat", "--auth", "trust", "--encoding", "UTF8", "--no-locale")
            if within:
                with (self.directory / "data" / "pg_hba.conf").open("a") as who_may:
                    who_may.write("host all,replication all 0.0.0.0/0 trust\n")
            self.start()
        else:
            self.follow(*follows)

    def follow(self, host: str, port: int) -> None:
        """It has what the server there has, and nothing else, and follows it."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        where = ("--host", host, "--port", str(port), "--username", "chat")
        self._run("pg_basebackup", *where, "--checkpoint", "fast", "--write-recovery-conf")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        where = programs()
        assert where is not None
        other = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
        command = [*self._within, *other, str(where / program), "--pgdata", str(self.directory / "data"), *words]
        subprocess.run(command, check=True, cwd=self.directory, env=self._environment, stdout=subprocess.DEVNULL)

    def standby(self, directory: Path) -> "Server":
        """One that follows this one, which waits for it from now on."""
        if os.geteuid() == 0:
            shutil.chown(directory, USER)
        following = Server(directory, (), (self.host, self.port))
        self.wait_for_a_standby(True)
        return following

    def wait_for_a_standby(self, waits: bool) -> None:
        """Whether what is committed there is to be on a standby, too."""
        self.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if waits else ''}'")
        self.ask("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Let it be the primary from now on."""
        self._run("pg_ctl", "--wait", "promote")

    def start(self) -> None:
        """Let it run, and wait until it answers."""
        settings = [f"listen_addresses={self.host}", "unix_socket_directories=", *self._settings]
        words = " ".join([f"-p {self.port}", *(f"-c {setting}" for setting in settings)])
        self._run("pg_ctl", "--wait", "--log", str(self.directory / "log"), "--options", words, "start")

    def stop(self, how: str = "immediate") -> None:
        """End it, as a crash would or otherwise; it may have ended before."""
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "--wait", "--mode", how, "stop")

    @property
    def pid(self) -> int:
        """Of the process that lets others in."""
        return int((self.directory / "data" / "postmaster.pid").read_text().split()[0])

    def address(self, database: str = "postgres") -> str:
        """Where one of its databases is."""
        return f"postgresql://chat@{self.host}:{self.port}/{database}"

    def ask(self, statement: str, database: str = "postgres") -> list[Any]:
        """The rows of a statement."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def emptied(self, database: str = "chat") -> str:
        """The address of a database of this name, in which nothing is."""
        if not self.ask(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
            self.ask(f"CREATE DATABASE {database}")
        self._is_ours = False
        self.ask("DROP SCHEMA IF EXISTS chat CASCADE", database)
        return self.address(database)

    def of_first(self) -> str:
        """The address of a database as the first build wrote it."""
        where = self.emptied()
        self.ask((Path(__file__).parents[1] / "store" / "of_postgresql_version_1.sql").read_text(), "chat")
        return where

    def cleared(self) -> str:
        """The address of a database that was used before, of which nothing is left: it is there sooner."""
        tables = [f"chat.{name}" for (name,) in self.ask(_TABLES, "chat")] if self._is_ours else []
        if not tables:
            where = self.emptied()
            self._is_ours = True
            return where
        self.ask(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY", "chat")
        return self.address("chat")


@contextmanager
def server() -> Iterator[Server]:
    """One until the end of the block; skips the test where there is none."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed here")
    # Not on a disk: what it acknowledges it writes there, and nothing here tests the disk.
    directory = Path(mkdtemp(prefix="chat-postgresql-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, USER)
        running = Server(directory)
        try:
            yield running
        finally:
            running.stop()
            running.held.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def followed(server: Server) -> Iterator[Server]:
    """A standby, for which the server waits until the end of the block, if that has not ended by then."""
    directory = Path(mkdtemp(prefix="chat-postgresql-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        following = server.standby(directory)
        try:
            yield following
        finally:
            following.stop()
            following.held.close()
            with suppress(psycopg.OperationalError):
                server.wait_for_a_standby(False)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def until(true: Callable[[], object]) -> None:
    """Wait for something that another thread, or a server, does."""
    ends_at = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


class Stored(Driven):
    """A started store in a database, and how to wait for it."""

    def __init__(self, address: str, node: str = "") -> None:
        super().__init__()
        self.address = address
        self.prepared: Prepared = prepare(address, node)
        self.store = PostgresNode(self.prepared, self) if node else PostgresStore(self.prepared, self)
        self.store.start()

    def callLater(self, delay: float, callable: Callable[..., object]) -> None:
        """What is not about the interpreter's lock is done when it is due."""
        if delay >= limits.RECONNECT_LEAST_SECONDS:
            Timer(delay, self.callFromThread, [callable]).start()
        elif not delay:
            self.callFromThread(callable)

    def index(self) -> None:
        """What was said is in the index with the commit."""


@contextmanager
def stored(address: str, node: str = "") -> Iterator[Stored]:
    """A store until the end of the block."""
    store = Stored(address, node)
    try:
        yield store
    finally:
        store.close()
