"""Each may be spoken to in a language of their own."""

from collections.abc import Sequence

import pytest
from returning import KeepingStore, enter, restarted, resume
from world import World

from chat.base.language import known_languages, language
from chat.wire import replies
from chat.wire.answers import Reply
from chat.wire.plain import Plain, PlainFormat


def told(code: str, languages: Sequence[str]) -> list[str]:
    wire = Plain(PlainFormat(language(code)))
    return wire.answer(Reply("language", replies.Speaks(code, languages))).decode().splitlines()


ENGLISH, SPANISH = told("en", known_languages()), told("es", known_languages())
USAGE = f"! usage: /language [{'|'.join(known_languages())}]: the language in which the service speaks to you"


def test_each_language_is_told_in_itself() -> None:
    assert told("en", ["en", "es"]) == ["-> The service speaks English to you; /language es: en español."]
    assert told("es", ["en", "es"]) == ["-> El servicio te habla en español; /language en: in English."]


@pytest.mark.parametrize("line", ["/language es", "/idioma ES"])
def test_what_one_chooses_is_for_oneself(world: World, line: str) -> None:
    amy, bob = world.enter("amy"), world.enter("bob")
    world.take_all()
    amy.type("/language", line, "/leave #nope")
    assert amy.take() == [*ENGLISH, *SPANISH, "! not-in-room: No estás en #nope, sino en #lobby."]
    world.enter("carl")
    assert amy.take() == ["-!- carl entró en #lobby (hay 3)"]
    assert bob.take() == ["-!- carl joined #lobby (3 here)"]
    amy.type("/language en")
    assert amy.take() == ENGLISH


def test_it_can_be_chosen_before_a_nickname(world: World) -> None:
    amy = world.connect("/language es", "amy")
    assert SPANISH[0] in amy.lines
    assert any(line.startswith("-> Hola, amy.") for line in amy.lines)


def test_one_that_is_not_there_is_told_how_it_is_written(world: World) -> None:
    amy = world.enter("amy")
    amy.type("/language tlh", "/language")
    assert amy.take() == [USAGE, *ENGLISH]


def test_it_comes_back_with_its_person_also_after_a_restart() -> None:
    store = KeepingStore()
    world = World(store)
    amy, code = enter(world, "amy")
    amy.type("/language es")
    amy.cut()
    back = resume(world, code)
    back.take()
    back.type("/language")
    assert back.take() == SPANISH
    world = restarted(world, store)
    back = resume(world, code)
    back.take()
    back.type("/language")
    assert back.take() == SPANISH


def test_who_chooses_on_the_new_line_has_that(world: World) -> None:
    amy, code = enter(world, "amy")
    amy.type("/language es")
    amy.cut()
    back = world.connect("/language en", f"/resume {code}")
    back.take()
    back.type("/language")
    assert back.take() == ENGLISH


def test_programs_choose_too_and_stay_with_it(world: World) -> None:
    bot = world.enter("bot", wire="json")
    bot.type("/language es", id="1")
    reply, _ = bot.take_objects()
    assert (reply["command"], reply["language"], reply["languages"]) == ("language", "es", known_languages())
    bot.type("/json echo", "/leave #nope")
    assert bot.take_objects()[-1]["text"] == "No estás en #nope, sino en #lobby."


def test_all_who_are_spoken_to_alike_share_one_encoding(world: World) -> None:
    people = [world.connect("/language es", nick) for nick in ("amy", "bob")]
    assert len({client.session.rendering for client in people}) == 1
