"""Compiles what of the benchmark is written in C, once a run, into a directory that goes when the run ends."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


class Missing(Exception):
    """Something that would be measured, or measured with, is not installed here; the text says what."""


@functools.cache
def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="chat-bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)  # a yardstick started by root runs as nobody
    return directory


@functools.cache
def compiled(name: str, *, library: bool = False, sealed: bool = False) -> Path:
    """The program, or library, made of `name`.c, speaking TLS perhaps. Raises Missing without what that takes."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("no C compiler (cc)")
    made = _directory() / (f"{name}-tls" if sealed else name)
    kind = ("-shared", "-fPIC") if library else ()
    more = ("-DTLS", "-lssl", "-lcrypto") if sealed else ()
    done = subprocess.run([compiler, "-O2", "-Wall", *kind, "-o", made, HERE / f"{name}.c", *more], check=not sealed)
    if done.returncode:
        raise Missing("no OpenSSL to compile with (libssl-dev)")
    return made
