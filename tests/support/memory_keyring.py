"""A keyring that a test keeps in memory: of the package keyring's own kind, so that the package finds and uses it.

For programs of their own it is `Distant`: named by PYTHON_KEYRING_BACKEND, it asks the one that a test is `serving`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client, Listener
from threading import Thread

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

WHERE = "TEST_KEYRING"


class Keyring(KeyringBackend):
    """One that may be `locked`."""

    priority = 5  # type: ignore[assignment]  # a property there, a number in each of its own kinds

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        del self.kept[service, username]

    def _open(self) -> None:
        if self.locked:
            raise KeyringLocked("it holds tulipsand, which nobody should see")


class Distant(KeyringBackend):
    """The one that another process serves."""

    priority = 5  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return self._ask("get_password", service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._ask("set_password", service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        self._ask("delete_password", service, username)

    def _ask(self, *what: str) -> str | None:
        with Client(os.environ[WHERE], "AF_UNIX") as connection:
            connection.send(what)
            answer = connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def serving(keyring: Keyring, path: str) -> Iterator[None]:
    """Other processes have it at this socket."""
    listener = Listener(path, "AF_UNIX")

    def serve() -> None:
        while True:
            with listener.accept() as connection:
                name, *words = connection.recv()
                if name == "close":
                    return
                try:
                    connection.send(getattr(keyring, name)(*words))
                except KeyringLocked as error:
                    connection.send(error)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with Client(path, "AF_UNIX") as connection:
            connection.send(["close"])
        thread.join(10)
        listener.close()
