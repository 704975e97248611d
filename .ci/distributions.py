"""Builds a source distribution and a wheel: `python .ci/distributions.py SOURCE DIRECTORY`, with setuptools installed.

SOURCE is a clean copy of all files.  The same files and SOURCE_DATE_EPOCH give the same bytes, in whatever directory
and by whoever: the archive that setuptools makes is packed anew, without what it tells of this machine.  The wheel is
built from it, so whoever builds their own from the archive has the same.
"""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

NOT_IN_ARCHIVE = ("findings/", ".gitignore")
"""What it is not made for."""

NOT_IN_WHEEL = (".po", ".pot")
"""What translators work with, of the package."""


BESIDE = ("share/twisted-chat/chat.service",)
"""What is installed beside the package."""


def build(what: str, source: Path, directory: Path) -> Path:
    """What setuptools makes of a directory, as every front end asks it to."""
    directory.mkdir(parents=True, exist_ok=True)
    command = f"import sys; from setuptools.build_meta import build_{what}; print(build_{what}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", command, directory], cwd=source, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return directory / done.stdout.splitlines()[-1]


def packed_anew(archive: Path, path: Path, date: int) -> Path:
    """The same files in the order of their names, all of one date, of nobody."""
    buffer = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            if not (member.isfile() or member.isdir()):
                sys.exit(f"{member.name} is no plain file")
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.mtime, member.uid, member.gid, member.uname, member.gname = date, 0, 0, "", ""
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, date) as packed:
        packed.write(buffer.getvalue())
    return path


def missing(source: Path, archive: Path, wheel: Path) -> list[str]:
    """The files of the source that are in neither, where they should be."""
    files = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    with tarfile.open(archive) as packed:
        in_archive = {name.partition("/")[2] for name in packed.getnames()}
    with zipfile.ZipFile(wheel) as zipped:
        in_wheel = set(zipped.namelist())
    lost = [f"{name} (in {archive.name})" for name in files if _is_packed(name) and name not in in_archive]
    lost += [f"{name} (in {wheel.name})" for name in files if _is_installed(name) and name not in in_wheel]
    return lost + [f"{name} (in {wheel.name})" for name in BESIDE if not any(path.endswith(name) for path in in_wheel)]


def _is_packed(name: str) -> bool:
    return not name.startswith(NOT_IN_ARCHIVE)


def _is_installed(name: str) -> bool:
    return name.startswith(("chat/", "twisted/")) and not name.endswith(NOT_IN_WHEEL)


def main(source: Path, directory: Path) -> None:
    """Build both; end with a sentence where something is wrong."""
    date = int(os.environ["SOURCE_DATE_EPOCH"])
    with TemporaryDirectory() as temporary:
        work = Path(temporary)
        built = build("sdist", _copy(source, work / "source"), work / "built")
        archive = packed_anew(built, directory / built.name, date)
        with tarfile.open(archive) as packed:
            packed.extractall(work / "unpacked", filter="data")
        (unpacked,) = (work / "unpacked").iterdir()
        wheel = build("wheel", unpacked, directory)
        straight = build("wheel", _copy(source, work / "again"), work / "straight")
        if wheel.read_bytes() != straight.read_bytes():
            sys.exit("The wheel that comes of the archive is not the one that comes of the files")
    if lost := missing(source, archive, wheel):
        sys.exit("Missing: " + ", ".join(lost))


def _copy(source: Path, to: Path) -> Path:
    """For building leaves things behind."""
    subprocess.run(["cp", "-a", source, to], check=True)
    return to


if __name__ == "__main__":
    main(*(Path(word).resolve() for word in sys.argv[1:]))
