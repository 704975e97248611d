"""Wrong guesses count on every node: whoever guesses on several has no more tries than on one."""

import pytest
from cluster import Nodes
from test_account import SEALED, SECRET, come, register
from test_registered_only import invitations
from world import World

from chat.base import limits

FAR = "192.0.2.7"


def guesses(world: World, count: int, host: str = FAR) -> None:
    """So many resume codes that are nobody's, each on a connection of its own."""
    for number in range(count):
        world.connect(f"/resume K7F2Q-X9M{number % 10}A", host=host).cut()


def is_asked_to_wait(world: World, host: str = FAR) -> bool:
    """Whether who guesses at a code from there has to wait for their turn."""
    client = world.connect("/resume K7F2Q-X9M9A", host=host)
    waits = not any("code-wrong" in line for line in client.lines)
    client.cut()
    return waits


def test_codes_that_are_guessed_at_on_one_node_are_counted_on_the_others() -> None:
    nodes = Nodes(3)
    here, elsewhere, third = nodes.worlds
    some = limits.GUESSES_PER_HOST * 2 // 3
    guesses(here, some)
    guesses(elsewhere, some)
    assert not is_asked_to_wait(third)
    nodes.wait(limits.BEAT_SECONDS)
    assert all(map(is_asked_to_wait, nodes.worlds))
    assert not is_asked_to_wait(third, "192.0.2.8")
    nodes.wait(60)
    assert not any(map(is_asked_to_wait, nodes.worlds))


def test_what_is_told_of_guesses_is_kept_nowhere_and_takes_one_turn_a_beat() -> None:
    nodes = Nodes(2)
    nodes.wait(limits.BEAT_SECONDS)
    before = nodes.cluster.tick
    guesses(nodes.worlds[0], 30)
    nodes.wait(limits.BEAT_SECONDS)
    assert nodes.cluster.tick == before + 1 + 30  # each of these asks what the others have stored
    assert not [record for record in nodes.cluster.records.values() if record.value is not None]
    nodes.wait(limits.BEAT_SECONDS * 3)
    assert nodes.cluster.tick == before + 1 + 30
    assert not nodes.worlds[0].hub.wrong_guesses.take("node0")


def waits(world: World, password: str, host: str = FAR) -> float:
    """The seconds that who logs in from there waits for an answer."""
    client = come(world, f"/login ana {password}", host=host, wire="json")
    for seconds in range(100):
        if any(keys["type"] in ("welcome", "error") for keys in client.objects):
            client.cut()
            return seconds
        world.wait(1)
    raise AssertionError(client.lines)


def test_a_password_that_is_guessed_at_on_one_node_is_slow_to_guess_at_on_another_one() -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    register(here, "ana")
    for _ in range(limits.LOGIN_TRIES + 2):
        waits(here, "wrong password", SEALED)
    nodes.wait(limits.BEAT_SECONDS)
    assert waits(elsewhere, "wrong password", SEALED) >= 1


@pytest.mark.parametrize("comes", [True, False])
def test_whoever_logs_in_on_one_node_has_all_tries_on_another_one(comes: bool) -> None:
    nodes = Nodes(2)
    here, elsewhere = nodes.worlds
    register(elsewhere, "ana")
    for _ in range(limits.LOGIN_TRIES - 1):
        waits(here, "wrong password", SEALED)
    nodes.wait(limits.BEAT_SECONDS)
    if comes:
        assert waits(here, SECRET, SEALED) == 0
    waits(elsewhere, "wrong password", SEALED)
    assert (waits(elsewhere, SECRET, SEALED) == 0) is comes


def test_an_invitation_that_is_guessed_at_counts_too_and_one_that_is_right_does_not() -> None:
    nodes = Nodes(2, registered_only=True)
    here, elsewhere = nodes.worlds
    (code,) = invitations(here)
    for right in (code, "K7F2Q-X9M4T"):
        come(elsewhere, f"/register ana {right}").cut()
    nodes.wait(limits.BEAT_SECONDS)
    wait = here.hub.rates._rested_at
    assert [who for _, who in wait] == [SEALED]
    assert next(iter(wait.values())) - here.clock.seconds() <= 60 / limits.GUESSES_PER_HOST


def test_on_one_server_nothing_is_noted() -> None:
    world = World()
    guesses(world, 5)
    assert world.hub.wrong_guesses.take("") is None
