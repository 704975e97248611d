"""What all nodes share and nobody else may know, such as keys: a table that the role of the chat alone may read.

It is asked while a node starts, by the connection that is the writer's from then on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chat.store.address import shown
from chat.store.postgresql.connection import LOCK, STARTS, Link
from chat.store.postgresql.exchange import Failed, Unreachable
from chat.store.unusable import unusable


class Secrets:
    """They are texts with a name; all of it is done by one node at a time, within `alone`."""

    def __init__(self, address: str, link: Link) -> None:
        self._address = address
        self._link = link

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other node looks at them meanwhile, and where it fails nothing has changed; raises `Unusable`."""
        try:
            with self._link.transaction():
                self._link.ask(f"SELECT pg_advisory_xact_lock({LOCK}{STARTS})")
                yield
        except (Unreachable, Failed) as error:
            raise unusable(shown(self._address), error.reason) from None

    def get(self, name: str) -> str | None:
        """What is kept under a name."""
        rows = self._link.ask("SELECT value FROM secrets WHERE name = :name", {"name": name})
        return rows[0][0] if rows else None

    def put(self, name: str, value: str | None) -> None:
        """Keep this under a name instead of what was; None: nothing."""
        self._link.ask("DELETE FROM secrets WHERE name = :name", {"name": name})
        if value is not None:
            self._link.ask("INSERT INTO secrets VALUES (:name, :value)", {"name": name, "value": value})

    def readers(self) -> Sequence[str]:
        """Which other roles were given the right to read them; raises `Unusable`."""
        with self.alone():
            rows = self._link.ask(
                """
                SELECT DISTINCT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
                FROM pg_class, aclexplode(relacl)
                WHERE pg_class.oid = 'secrets'::regclass AND privilege_type = 'SELECT'
                    AND grantee NOT IN (relowner, current_user::regrole)
                """
            )
            return [role for (role,) in rows]
