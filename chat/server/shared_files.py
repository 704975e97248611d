"""Files that are alike in the directories of several servers that are one chat: keys, and the operator's code.

The first node that starts keeps them in the database, and those that come later have them from there.  A file that is
in the directory already stays what it is.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from chat.base.language import Sentence, say
from chat.doors import certificate
from chat.server import operator_code
from chat.server.operator_code import OperatorCode

Made = TypeVar("Made")

CODE = "operator-code"
"""The name of the secret."""


class Secrets(Protocol):
    """What all nodes share and nobody else may know."""

    def alone(self) -> AbstractContextManager[None]:
        """No other node looks at them meanwhile."""

    def get(self, name: str) -> str | None:
        """What is kept under a name."""

    def put(self, name: str, value: str | None) -> None:
        """Keep this under a name instead of what was; None: nothing."""


def shared(
    secrets: Secrets | None, name: str, files: Mapping[Path, int], make: Callable[[], Made]
) -> tuple[Made, list[Sentence]]:
    """What `make` makes of these files, which have these permissions and are made by it where there are none; and what
    is to be said of them.  Raises `OSError`, and what `make` does."""
    if secrets is None:
        return make(), []
    with secrets.alone():
        theirs: Mapping[str, str] | None = json.loads(secrets.get(name) or "null")
        if theirs is not None and not any(path.exists() for path in files):
            for path, mode in files.items():
                certificate.write(path, theirs[path.name].encode(), mode)
        made = make()
        ours = {path.name: path.read_text() for path in files}
        if theirs is None:
            secrets.put(name, json.dumps(ours))
    if theirs in (None, ours):
        return made, []
    return made, [
        say(
            "What is in {paths} is not what the other nodes have: people are warned of another server. Remove it "
            "before the next start, and theirs is taken.",
            paths=tuple(map(str, files)),
        )
    ]


def code(secrets: Secrets | None, path: Path, wanted: bool, others: bool) -> OperatorCode | None:
    """The operator's code, where one is `wanted`: that of the `others`, if there are some; raises `OSError`."""
    if secrets is None:
        if wanted:
            return operator_code.make(path)
        operator_code.remove(path)
        return None
    with secrets.alone():
        theirs = secrets.get(CODE) if wanted and others else None
        text = theirs or operator_code.another()
        secrets.put(CODE, text if wanted else None)
        if wanted:
            return operator_code.make(path, text)
        operator_code.remove(path)
        return None
