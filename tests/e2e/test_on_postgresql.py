"""A server on PostgreSQL: people talk, and the server, or the database, is killed under them."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chat.doors import ssh_keys
from tests.storm.network import missing
from tests.storm.nodes import possible
from tests.support.wall_clock import LIBRARIES

from .conftest import Connect, Serve
from .server import CHECKOUT, ENVIRONMENT, TWISTD, Server
from .waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.door
def test_what_was_said_is_there_after_the_server_and_the_database_were_killed(
    postgresql: Any, serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    where = postgresql.emptied("served")
    server = serve("--database", where)
    assert f"Talk is kept in {where}, a new database." in server.said
    amy = connect(server, "amy").joins()
    amy.says("one")
    amy.says("/last")
    amy.hears("<amy> one")
    postgresql.stop()
    amy.says("two")
    amy.says("/who")
    amy.hears("One person is in #lobby: amy")
    postgresql.start()
    bob = connect(server, "bob").joins()
    bob.says("/last")
    bob.hears("<amy> two")
    server.kill()
    again = serve("--database", where)
    carl = connect(again, "carl").joins()
    carl.says("/grep one")
    carl.hears("<amy> one")
    words = [sys.executable, "-m", "chat", "backup", "--database", where, str(tmp_path / "copy")]
    subprocess.run(words, env=ENVIRONMENT, check=True, capture_output=True)
    assert (tmp_path / "copy").stat().st_size


def test_after_five_seconds_without_the_database_lines_are_refused_and_reading_goes_on(
    postgresql: Any, serve: Serve, connect: Connect
) -> None:
    where = postgresql.emptied("served")
    server = serve("--database", where, STORE_AWAY_SECONDS=1.0, STATEMENT_SECONDS=0.5)
    amy, bob = connect(server, "amy").joins(), connect(server, "bob").joins()
    amy.says("one")
    bob.hears("<amy> one")
    postgresql.stop()
    amy.says("two")
    bob.says("/who")
    bob.hears("2 people are in #lobby")
    while "cannot be reached" not in server.said:
        bob.says("/ping")
        bob.hears("-> ")
    bob.says("three")
    bob.hears("! not-stored")
    bob.says("/grep one")
    bob.hears("cannot be read now")
    postgresql.start()
    bob.hears("<amy> two")
    bob.says("four")
    amy.hears("<bob> four")
    assert "three" not in amy.heard


@pytest.mark.door
def test_several_servers_are_one_chat_and_one_that_dies_leaves_its_people_to_another(
    postgresql: Any, serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    where = postgresql.emptied("served")
    directories = [tmp_path / name for name in ("one", "two", "three")]
    quick = {"LEASE_SECONDS": 2, "BEAT_SECONDS": 0.5}
    servers = []
    for directory in directories:
        directory.mkdir()
        words = ("--database", where, "--node", directory.name, "--grace", "2", "--control", "none")
        servers.append(serve(*words, "--data", str(directory), **quick))
    amy, bob, carl = (connect(server, nick) for server, nick in zip(servers, ("amy", "bob", "carl"), strict=True))
    amy.says("amy")
    code = amy.hears("/resume ") and amy.hears("\n").split()[0]
    bob.joins()
    amy.hears("bob joined")
    carl.joins()
    for number in range(20):
        amy.says(f"line {number}")
        bob.hears(f"<amy> line {number}")
        carl.hears(f"<amy> line {number}")
    bob.says("/msg amy psst")
    amy.hears("[bob -> you] psst")
    connect(servers[1], "amy").says("amy")
    carl.says("/who")
    carl.hears("3 people are in #lobby: amy, bob and carl")
    servers[0].kill()
    bob.says("still here")
    carl.hears("<bob> still here")
    back = connect(servers[2], "amy")
    back.says(f"/resume {code}")
    back.hears("Welcome back amy")
    back.says("it is me")
    bob.hears("<amy> it is me")
    servers[2].kill()
    bob.hears("carl left")
    assert bob.heard.count("carl left") == 1
    bob.says("/who")
    bob.hears("bob")


@pytest.mark.door
def test_nodes_have_the_same_keys_and_code_and_options_and_tell_what_differs(
    postgresql: Any, stack: ExitStack, connect: Connect, tmp_path: Path
) -> None:
    where, somewhere = postgresql.emptied("served"), "tcp:0:interface=127.0.0.1"

    def start(name: str, text: str) -> Server:
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        (directory / "chat.conf").write_text(text)
        ports = ("--tls-port", somewhere, "--ssh-port", somewhere)
        server = Server(directory, "--database", where, "--node", name, *ports, "--config", "chat.conf")
        stack.callback(server.close)
        return server

    def admin(name: str, *asked: str) -> str:
        words = [sys.executable, "-m", "chat", "admin", "--data", str(tmp_path / name), *asked]
        return subprocess.run(words, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout

    def in_file(name: str, file: str) -> bytes:
        return (tmp_path / name / file).read_bytes()

    north, south = start("north", "grace 60\n"), start("south", "grace 90\n")
    for file in ("chat-certificate.pem", "chat-private-key.pem", "chat-ssh-key", "operator-code"):
        assert in_file("north", file) == in_file("south", file)
    assert "This is the node north; no other one is there now." in north.said
    assert "This is the node south, one chat with north." in south.said
    assert "--grace is 90 here and 60 on the other nodes: theirs holds" in south.said
    assert "south: grace is written as 90 there and 60 here; one holds for all" in admin("north", "nodes")
    (tmp_path / "south" / "chat.conf").write_text("grace 91\n")
    assert admin("south", "reload") == "grace: 90 -> 91 (for lines that drop from now on)\n"
    until(lambda: "grace: 60 -> 91 (for all nodes)" in north.said, what="north goes by it, too")
    bob, amy = connect(south, "bob").joins(), connect(north, "amy").joins()
    south.stop()
    until(lambda: "south: not there" in admin("north", "nodes"), what="it has said that it goes")
    until(lambda: amy.says("/who") or "bob (line down" in amy.heard, what="north holds bob")
    bob.close()
    (tmp_path / "south" / "chat-ssh-key").unlink()
    (tmp_path / "north" / "chat-ssh-key").rename(tmp_path / "key")
    north.stop()
    south = start("south", "grace 91\nunrecorded #ops\n")
    assert in_file("south", "chat-ssh-key") == (tmp_path / "key").read_bytes()
    words = (str(TWISTD), "-n", "chat", "--database", where, "--node", "north", "--data", str(tmp_path / "north"))
    ended = subprocess.run(words, cwd=tmp_path, env=ENVIRONMENT, check=False, capture_output=True, text=True)
    assert "one would keep what the other says is not kept" in ended.stderr
    assert ended.returncode == 1
    ssh_keys.host_key(tmp_path / "north")
    north = start("north", "grace 91\nunrecorded #ops\n")
    assert f"What is in {tmp_path / 'north' / 'chat-ssh-key'} is not what the other nodes have" in north.said


@pytest.mark.door
def test_in_a_short_storm_of_three_nodes_every_promise_is_kept(postgresql: Any) -> None:
    """On all wires, while each node, the primary and the line to its standby suffer what they can."""
    assert_kept("--seed", "3")


def test_every_promise_is_kept_where_packets_are_lost_between_machines_and_clocks_are_set(postgresql: Any) -> None:
    if why := missing():
        pytest.skip(why)
    befalls = [name for name in possible(network=True, clocks=bool(LIBRARIES)) if name not in possible(False, False)]
    assert_kept("--seed", "4", "--network", "--befalls", ",".join(befalls))


def assert_kept(*options: str) -> None:
    """A storm that blows until all has happened once keeps every promise."""
    words = [
        sys.executable,
        "-m",
        "tests.storm",
        "--nodes",
        "3",
        "--database",
        "postgresql",
        "--seconds",
        "1",
        *options,
    ]
    ended = subprocess.run(words, cwd=CHECKOUT, env=ENVIRONMENT, check=False, capture_output=True)
    assert ended.returncode == 0, ended.stdout.decode() + ended.stderr.decode()
