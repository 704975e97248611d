"""That the package installs everywhere, works from anywhere, and leaves Twisted as it was.

Each way of installing gets a virtual environment of its own. What they install is built and fetched once, into
a directory of wheels; after that nothing needs the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from chat import __version__

CHECKOUT = Path(__file__).parent.parent
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest"
NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "dropin.cache"
)


def test_the_readme_has_the_command_that_ends_with_the_tests_passed() -> None:
    """`.ci/run` takes it from there and runs it as it stands."""
    assert TEST_COMMAND in [line.strip() for line in (CHECKOUT / "README.md").read_text("utf-8").splitlines()]


def test_twisted_and_its_plugins_stay_twisteds() -> None:
    """An `__init__.py` there would shadow Twisted, or replace its file and take it away on uninstall."""
    assert [path.name for path in (CHECKOUT / "twisted").rglob("*.py")] == ["chat_plugin.py"]


# --- built and installed ---------------------------------------------------------------------------


def run(*command: str | Path, cwd: Path = Path("/")) -> str:
    """What a program prints; the test fails, with what it said, if it does not end with 0."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        pytest.fail(f"{command} ended with {done.returncode}:\n{done.stdout}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, for building leaves things behind."""
    return shutil.copytree(CHECKOUT, tmp_path_factory.mktemp("copy") / "chat", ignore=NOT_SOURCES)


@pytest.fixture(scope="module")
def wheels(checkout: Path) -> Path:
    """The package and all that it needs, as wheels."""
    directory = checkout.parent / "wheels"
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", directory, checkout, "setuptools>=68")
    return directory


@pytest.fixture(scope="module")
def sdist(checkout: Path, wheels: Path) -> Path:
    """The source distribution, built by setuptools as any front end would ask it."""
    builder = checkout.parent / "builder"
    venv.create(builder)
    _pip_install(builder, wheels, "setuptools")
    build = "from setuptools.build_meta import build_sdist; build_sdist('../sdist')"
    run(builder / "bin" / "python", "-c", build, cwd=checkout)
    (archive,) = (checkout.parent / "sdist").iterdir()
    return archive


def _pip_install(environment: Path, wheels: Path, *what: str | Path) -> None:
    """With our pip, for to install another one into each environment costs more than the rest of it."""
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "--quiet")
    run(*pip, "--no-index", "--find-links", wheels, *what)


@pytest.fixture(scope="module", params=["wheel", "sdist", "editable"])
def installed(
    request: pytest.FixtureRequest, checkout: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The `bin` directory of an environment that the package was installed into."""
    environment = tmp_path_factory.mktemp(request.param)
    venv.create(environment)
    what: dict[str, Callable[[], tuple[str | Path, ...]]] = {
        "wheel": lambda: ("twisted-chat",),
        "sdist": lambda: (request.getfixturevalue("sdist"),),
        "editable": lambda: ("--editable", checkout),
    }
    _pip_install(environment, wheels, *what[request.param]())
    return environment / "bin"


@pytest.mark.slow
@pytest.mark.parametrize("server", [("twistd", "chat"), ("chat-server",), ("python", "-m", "chat")])
def test_the_server_starts_from_any_directory(installed: Path, server: tuple[str, ...]) -> None:
    program, *arguments = server
    assert "--port" in run(installed / program, *arguments, "--help")


@pytest.mark.slow
@pytest.mark.parametrize("client", [("chat-client",), ("python", "-m", "chat.client")])
def test_the_client_starts_from_any_directory(installed: Path, client: tuple[str, ...]) -> None:
    program, *arguments = client
    assert "--nick" in run(installed / program, *arguments, "--help")


@pytest.mark.slow
def test_the_catalogues_and_the_mark_of_typing_are_installed(installed: Path) -> None:
    script = """if True:
        import chat.base.language, pathlib
        assert "es" in chat.base.language.known_languages(), chat.base.language.known_languages()
        assert pathlib.Path(chat.__file__).with_name("py.typed").exists()
    """
    run(installed / "python", "-c", script)


@pytest.mark.slow
def test_the_source_distribution_holds_all_tests_and_what_a_translator_needs(sdist: Path) -> None:
    wanted = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "tests").rglob("*.py")}
    wanted |= {".ci/run", "LICENSE", "chat/locale/chat.pot", "chat/locale/es/LC_MESSAGES/chat.po"}
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert wanted - held == set()


@pytest.mark.slow
def test_uninstalling_takes_chat_away_and_leaves_twisted(wheels: Path, tmp_path: Path) -> None:
    venv.create(tmp_path)
    _pip_install(tmp_path, wheels, "twisted-chat")
    twistd = tmp_path / "bin" / "twistd"
    before = run(twistd, "--help").splitlines()
    pip = (sys.executable, "-m", "pip", "--python", tmp_path / "bin" / "python")
    run(*pip, "uninstall", "--quiet", "--yes", "twisted-chat")
    after = run(twistd, "--help").splitlines()
    gone = [line for line in before if line not in after]
    assert [line.split()[0] for line in gone] == ["chat"]
    assert [line for line in before if line not in gone] == after


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_finds_nothing_wrong_with_our_unit(tmp_path: Path) -> None:
    """Where the program is must be true of this machine, for it is looked for."""
    unit = (CHECKOUT / "docs" / "chat.service").read_text("utf-8")
    (tmp_path / "chat.service").write_text(unit.replace("/opt/chat/bin/chat-server", sys.executable))
    assert run("systemd-analyze", "verify", tmp_path / "chat.service") == ""


# --- released --------------------------------------------------------------------------------------


class Released:
    """A repository in which a version is tagged, and what `.ci/release` makes of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = shutil.copytree(CHECKOUT, directory / "chat", ignore=NOT_SOURCES)
        self._git("init", "--quiet")
        changes = self.directory / "CHANGELOG.md"
        changes.write_text(changes.read_text("utf-8").replace("## Unreleased", f"## {__version__} (today)"), "utf-8")
        self.commit()

    def commit(self) -> None:
        self._git("add", "--all")
        self._git(
            "-c", "user.name=amy", "-c", "user.email=amy@localhost", "commit", "--quiet", "--message", "A release"
        )
        self._git("tag", "--force", f"v{__version__}")

    def build(self, tag: str = f"v{__version__}") -> str:
        """What it says; `dist` holds what it built."""
        done = subprocess.run([".ci/release", tag], cwd=self.directory, capture_output=True, text=True)
        return done.stdout + done.stderr

    @property
    def dist(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.directory / "dist").glob("*")}

    def wheel(self) -> Path:
        (wheel,) = (self.directory / "dist").glob("*.whl")
        return wheel

    def _git(self, *words: str) -> None:
        run("git", *words, cwd=self.directory)


@pytest.fixture
def released(tmp_path: Path) -> Released:
    if shutil.which("git") is None:
        pytest.skip("git is not here")
    return Released(tmp_path)


@pytest.mark.slow
def test_a_tag_builds_both_and_twice_the_same_bytes(released: Released) -> None:
    said = released.build()
    names = [f"twisted-chat-{__version__}.sha256", f"twisted_chat-{__version__}-py3-none-any.whl"]
    assert sorted(released.dist) == [*names, f"twisted_chat-{__version__}.tar.gz"], said
    first = released.dist
    # Other dates and permissions of the same files, as on another machine.
    for path in released.directory.rglob("*"):
        if ".git" not in path.parts and path.is_file():
            path.chmod(path.stat().st_mode | 0o020)
            os.utime(path, (0, 10**9))
    shutil.rmtree(released.directory / "dist")
    released.build()
    assert released.dist == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "lost"),
    [
        ("setup.cfg", "    twisted.plugins\n", "", "twisted/plugins/chat_plugin.py (in twisted_chat"),
        ("setup.cfg", "    locale/*/LC_MESSAGES/*.mo\n", "", "chat/locale/es/LC_MESSAGES/chat.mo (in twisted_chat"),
        ("setup.cfg", "    docs/chat.service\n", "    LICENSE\n", "share/twisted-chat/chat.service (in twisted_chat"),
        ("MANIFEST.in", "graft tests\n", "", "tests/base/test_names.py (in twisted_chat"),
    ],
)
def test_a_release_in_which_something_is_missing_is_none(
    file: str, old: str, new: str, lost: str, released: Released
) -> None:
    path = released.directory / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    released.commit()
    assert lost in released.build()
    assert not released.dist


@pytest.mark.slow
def test_a_tag_of_another_version_or_of_which_the_changelog_tells_nothing_is_refused(released: Released) -> None:
    assert released.build("v99.0.0") == "there is no tag v99.0.0; git tag --annotate v99.0.0 makes it\n"
    released._git("tag", "v99.0.0")
    assert released.build("v99.0.0") == f"the tag is v99.0.0, but chat/__init__.py says {__version__}\n"
    changes = released.directory / "CHANGELOG.md"
    changes.write_text(changes.read_text("utf-8").replace(f"## {__version__}", "## Soon"), "utf-8")
    released.commit()
    assert released.build() == f'CHANGELOG.md has no section "## {__version__}"\n'


WITHOUT_INTERNET = """
set -e
ip link set lo up
python3 -m venv opt
opt/bin/pip install --quiet --disable-pip-version-check --no-index --find-links wheels twisted-chat
mkdir data
opt/bin/twistd -n --pidfile= chat --port 12345 --data data --language es > log 2>&1 &
for _ in $(seq 300); do ! grep -q Ctrl-C log || break; sleep 0.1; done
echo 'hello from nowhere' | opt/bin/chat-client --post --nick pi localhost:12345
opt/bin/chat-client --since 10m localhost:12345
test -e opt/share/twisted-chat/chat.service
kill %1
wait
cat log
"""


@pytest.mark.slow
def test_the_wheel_is_installed_and_talks_where_there_is_no_network(released: Released) -> None:
    if shutil.which("ip") is None or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    released.build()
    here = released.directory.parent
    run(sys.executable, "-m", "pip", "download", "--quiet", "--dest", here / "wheels", released.wheel())
    said = run("unshare", "--net", "bash", "-c", WITHOUT_INTERNET, cwd=here)
    assert "<pi/post> hello from nowhere" in said
    assert "Ctrl-C lo detiene." in said
