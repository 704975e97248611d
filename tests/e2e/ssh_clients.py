"""ssh clients that people have: how each is started, and a server with a port for them."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.ports import held_port

from .peers import need
from .server import ENVIRONMENT, Server
from .waiting import SECONDS

Started = Callable[[Path, int, str, Sequence[str]], Sequence[str]]


def _openssh(home: Path, port: int, user: str, options: Sequence[str]) -> Sequence[str]:
    known = ("-o", f"UserKnownHostsFile={home}/known_hosts", "-o", "StrictHostKeyChecking=accept-new")
    alone = ("-F", "none", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR")
    default = () if "-i" in options else ("-o", "IdentityFile=none")
    return ("ssh", *alone, *known, *default, "-p", str(port), "-l", user, *options, "127.0.0.1")


def _dbclient(home: Path, port: int, user: str, options: Sequence[str]) -> Sequence[str]:
    return ("env", f"HOME={home}", "dbclient", "-y", "-y", "-p", str(port), "-l", user, *options, "127.0.0.1")


def _plink(home: Path, port: int, user: str, options: Sequence[str]) -> Sequence[str]:
    trusted = ("-hostkey", host_key_of(port))
    return (
        "env",
        f"HOME={home}",
        "plink",
        "-ssh",
        "-batch",
        "-P",
        str(port),
        "-l",
        user,
        *trusted,
        *options,
        "127.0.0.1",
    )


CLIENTS: dict[str, Started] = {"ssh": _openssh, "dbclient": _dbclient, "plink": _plink}

_FINGERPRINTS: dict[int, str] = {}


def host_key_of(port: int) -> str:
    """The fingerprint of the key that a server here shows."""
    return _FINGERPRINTS[port]


class SshServer(Server):
    """A server with a port for ssh besides."""

    def __init__(self, directory: Path, *options: str, **how: Any) -> None:
        self._ssh_holder = held_port("127.0.0.1")
        self.ssh_port = self._ssh_holder.getsockname()[1]
        super().__init__(directory, "--ssh-port", f"tcp:{self.ssh_port}:interface=127.0.0.1", *options, **how)
        _, _, fingerprint = self.said.partition("The fingerprint of its ssh key is ")
        _FINGERPRINTS[self.ssh_port] = fingerprint.split()[0]

    def kill(self) -> None:
        """(Server)"""
        super().kill()
        self._ssh_holder.close()


def command(
    name: str, server: SshServer, home: Path, *words: str, user: str = "amy", options: Sequence[str] = ()
) -> list[str]:
    """What starts a client, to chat, or to have these words as a command."""
    need("dbclient" if name == "dbclient" else name)
    return [*CLIENTS[name](home, server.ssh_port, user, options), *words]


def done(
    name: str, server: SshServer, home: Path, *words: str, given: str = "", **how: Any
) -> "subprocess.CompletedProcess[str]":
    """The same, to its end."""
    return subprocess.run(
        command(name, server, home, *words, **how),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**ENVIRONMENT, "SSH_ASKPASS": "", "DISPLAY": ""},
        check=False,
    )


def new_key(client: str, home: Path, kind: str, name: str = "key", *, passphrase: str = "") -> Sequence[str]:
    """A key of this kind; returns the options by which this client shows it."""
    need("ssh-keygen")
    path = home / name
    pem = ("-m", "PEM") if client == "dbclient" else ()
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, *pem, "-f", path], check=True, env=os.environ)
    if client == "ssh":
        return ("-i", str(path), "-o", "IdentitiesOnly=yes")
    other = home / f"{name}.{client}"
    if client == "dbclient":
        need("dropbearconvert")
        subprocess.run(["dropbearconvert", "openssh", "dropbear", path, other], check=True, capture_output=True)
    else:
        need("puttygen")
        subprocess.run(["puttygen", path, "-o", other], check=True)
    return ("-i", str(other))
