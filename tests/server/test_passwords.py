"""Passwords: what is known of them takes as much work as what is not."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock

from chat.server import passwords
from chat.server.passwords import Argon2


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were computed, each as what it was for; without threads."""
    done: list[str] = []
    real = passwords._hasher()

    class Counting:
        def hash(self, password: str) -> str:
            done.append("hash")
            return str(real.hash(password))

        def verify(self, hash: str, password: str) -> bool:
            done.append("verify")
            return bool(real.verify(hash, password))

    def at_once(reactor: object, pool: object, work: Any) -> Deferred[Any]:
        return execute(work)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    monkeypatch.setattr(passwords, "deferToThreadPool", at_once)
    monkeypatch.setattr(passwords, "ThreadPool", lambda *_: Clock())
    monkeypatch.setattr(Clock, "start", lambda _: None, raising=False)
    return done


@pytest.mark.parametrize("first", [True, False])
def test_an_unknown_name_takes_as_many_hashes_as_a_known_one(hashed: list[str], first: bool) -> None:
    kept = passwords._hasher().hash("tulip and rose")
    counts = []
    for hash, password in ((kept, "tulip and rose"), (kept, "wrong password"), (None, "tulip and rose")):
        argon = Argon2(Clock())  # type: ignore[arg-type]
        if not first:
            argon.verify(kept, "before")
        hashed.clear()
        answers: list[bool] = []
        argon.verify(hash, password).addCallback(answers.append)
        assert answers == [hash is not None and password == "tulip and rose"]
        counts.append(list(hashed))
    assert counts[0] == counts[1] == counts[2]
    assert counts[0].count("verify") == 1
