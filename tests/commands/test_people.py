"""People: nicknames, who is here, who is away, whom one does not want to hear."""
# ruff: noqa: RUF001

import pytest
from world import Client, World

from chat.base import limits


@pytest.fixture
def amy(world: World) -> Client:
    return world.enter("amy")


def test_before_anybody_is_here_that_is_told_in_words(world: World) -> None:
    guest = world.connect()
    guest.take()
    guest.type("who")
    assert guest.lines == ["-> Nobody is here yet."]


@pytest.fixture
def bob(world: World, amy: Client) -> Client:
    bob = world.enter("bob")
    amy.take()
    return bob


# /nick


def test_a_new_nickname_is_confirmed(amy: Client) -> None:
    amy.type("/nick dee")
    assert amy.lines == ["-> You are dee now."]


@pytest.mark.parametrize(
    ("nick", "answer"),
    [
        ("bob", "! nick-taken: bob is here already. Enter takes bob2; /resume CODE if it is you."),
        ("BOB", "! nick-taken: BOB is here already. Enter takes BOB2; /resume CODE if it is you."),
        ("b0b", "! nick-alike: b0b looks like bob, who is here. Enter takes b0b2."),
        ("admin", "! nick-reserved: admin is reserved for the service. Enter takes guest1."),
    ],
)
def test_a_nickname_that_is_refused_comes_with_the_reason_and_a_free_one(
    amy: Client, bob: Client, nick: str, answer: str
) -> None:
    amy.type(f"/nick {nick}")
    assert amy.take() == [answer]
    proposed = answer.partition(" takes ")[2].partition(";")[0].rstrip(".")
    amy.type("")
    assert amy.take() == [f"-> You are {proposed} now."]


def test_a_proposal_is_over_when_something_else_was_said(amy: Client, bob: Client) -> None:
    amy.type("/nick bob", "oh well", "")
    assert bob.take() == ["<amy> oh well"]


def test_for_a_program_an_empty_line_takes_no_proposal(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("/nick amy", "")
    assert [keys["type"] for keys in program.take_objects()] == ["error"]
    assert "bot" in world.hub.lobby.users


def test_the_spelling_of_ones_own_nickname_can_be_changed(amy: Client, bob: Client) -> None:
    amy.type("/nick Amy")
    assert bob.lines == ["-!- amy is now known as Amy"]


def test_a_program_is_told_its_proposal(world: World, amy: Client) -> None:
    program = world.connect(wire="json")
    program.type("/nick amy", id="1")
    assert program.objects[-1] == {
        "type": "error",
        "code": "nick-taken",
        "text": "amy is here already.",
        "proposal": "amy2",
        "id": "1",
    }


@pytest.mark.parametrize("line", ["hello", "", "/who am i", "/join #ops", "/msg amy hi", "/last", "/away"])
def test_a_program_without_a_nickname_cannot_do_what_needs_one(world: World, amy: Client, line: str) -> None:
    program = world.connect(wire="json")
    program.type(line, id="1")
    answer = program.objects[-1]
    assert (answer["type"], answer["code"], answer["id"]) == ("error", "usage" if "am i" in line else "no-nick", "1")


def test_names_keep_their_accents_in_a_proposal(world: World) -> None:
    guest = world.connect("José María")
    assert guest.lines[-1] == "! nick-bad: A name has no blanks in it. Enter takes José-María."


# /who and /whois


def test_who_is_here(world: World, amy: Client, bob: Client) -> None:
    bob.type("/away")
    amy.type("/who")
    assert amy.take() == ["-> 2 people are in #lobby: amy and bob (away)"]


def test_who_is_here_for_a_program(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    amy.type("/away lunch")
    program.type("/who #lobby", id="1")
    reply, _ = program.take_objects()
    assert (reply["command"], reply["room"], reply["id"]) == ("who", "#lobby", "1")
    assert [(user["nick"], user["away"]) for user in reply["users"]] == [("amy", "lunch"), ("bot", None)]


def test_before_a_nickname_is_chosen_nobodys_name_is_told(world: World, amy: Client, bob: Client) -> None:
    guest = world.connect("who", "/who")
    assert guest.lines[-2:] == ["-> 2 people are here.", "-> 2 people are here."]
    assert "amy" not in guest.bytes.decode()


def test_a_long_list_of_people_ends_with_how_many_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PEOPLE_SHOWN", 2)
    amy = world.enter("amy")
    for nick in ("bob", "carl", "dee"):
        world.enter(nick)
    amy.take()
    amy.type("/who")
    assert amy.take() == ["-> 4 people are in #lobby: amy, bob and 2 more"]


def test_names_and_their_comments_stay_within_eighty_columns(world: World) -> None:
    for number in range(30):
        world.enter(f"somebody-called-{number}", "/away")
    amy = world.enter("amy", "/who")
    amy.type("/who")
    assert len(amy.lines) > 5
    assert all(len(line) <= 80 and line.startswith("-> ") for line in amy.lines)


def test_who_somebody_is(world: World, amy: Client, bob: Client) -> None:
    world.wait(30)
    bob.type("hi", "/join #ops", "/away lunch")
    world.wait(90)
    amy.take()
    amy.type("/whois bob")
    assert amy.lines == [
        "-> bob came 2 min ago and last spoke 1 min ago.",
        "-> bob is in #lobby and #ops.",
        '-> bob is away: "lunch"',
    ]


def test_somebody_in_no_room_is_here_all_the_same(amy: Client, bob: Client) -> None:
    bob.type("/leave")
    amy.take()
    amy.type("/whois BOB")
    assert amy.lines == ["-> bob came 0 s ago and has said nothing since."]


def test_of_one_who_never_spoke_nobody_is_told_when_they_did(world: World, amy: Client, bob: Client) -> None:
    world.wait(90)
    bob.type("/msg amy hi")
    amy.take()
    amy.type("/whois bob")
    assert amy.take()[0] == "-> bob came 1 min ago and has said nothing since."


@pytest.mark.parametrize("line", ["/who bob", "/who @bob", "/quién bob:"])
def test_who_with_a_nickname_tells_about_that_one(amy: Client, bob: Client, line: str) -> None:
    amy.type(line)
    assert amy.take()[0] == "-> bob came 0 s ago and has said nothing since."


def test_a_room_comes_before_somebody_of_its_name(world: World, amy: Client, bob: Client) -> None:
    amy.type("/join #bob", "/leave #bob")
    amy.take()
    amy.type("/who bob", "/who nobody")
    assert amy.take() == [
        "! not-in-room: You are not in #bob. /join #bob goes there.",
        "! no-room: There is no room #nobody. /join #nobody makes it.",
    ]


def test_a_program_that_asks_who_somebody_is_gets_the_facts_of_whois(world: World, amy: Client) -> None:
    program = world.enter("bot", wire="json")
    program.type("/who amy", id="1")
    reply, _ = program.take_objects()
    assert (reply["command"], reply["nick"], reply["rooms"], reply["id"]) == ("whois", "amy", ["#lobby"], "1")


# /away and /back


def test_being_away_ends_with_back(amy: Client, bob: Client) -> None:
    amy.type("/away", "/back")
    assert amy.take() == ["-> You are away; /back ends it.", "-> You are back."]
    bob.type("/msg amy hi")
    assert bob.lines == ["[you -> amy] hi"]


def test_what_one_says_on_going_away_is_short_and_harmless(amy: Client, bob: Client) -> None:
    amy.type("/away " + "x" * 201)
    assert amy.take() == ["! too-long: This has 201 bytes, the limit is 200."]
    amy.type("/away \x07red")
    bob.type("/msg amy hi")
    assert bob.take()[-1] == '-> amy is away: "␇red"'


# /ignore


def test_who_is_ignored_is_listed(amy: Client, bob: Client) -> None:
    amy.type("/ignore", "/ignore bob", "/ignore", "/unignore BOB", "/ignore")
    assert amy.lines == [
        "-> You ignore nobody.",
        "-> You hear nothing more from bob; /unignore bob ends it.",
        "-> You ignore bob.",
        "-> You hear BOB again.",
        "-> You ignore nobody.",
    ]


def test_one_who_is_ignored_is_not_told(amy: Client, bob: Client) -> None:
    amy.type("/ignore bob")
    bob.type("hi", "/msg amy psst", "/whois amy")
    assert bob.lines[0] == "[you -> amy] psst"
    assert "ignore" not in bob.bytes.decode()


def test_one_who_is_ignored_can_be_named_as_then_and_as_now(amy: Client, bob: Client) -> None:
    for name in ("bob", "dee"):
        amy.type("/ignore bob")
        bob.type("/nick dee")
        amy.take()
        amy.type(f"/unignore {name}")
        assert amy.take() == [f"-> You hear {name} again."]
        bob.type("/nick bob")
        amy.take()


def test_of_two_who_had_the_same_name_the_one_who_has_it_now_is_meant(world: World, amy: Client, bob: Client) -> None:
    carl = world.enter("carl")
    amy.type("/ignore bob")
    bob.type("/nick dee")
    carl.type("/nick bob")
    amy.type("/ignore bob", "/unignore bob")
    world.take_all()
    bob.type("ignored")
    carl.type("heard")
    assert amy.take() == ["<bob> heard"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/ignore amy", "! usage: You cannot ignore yourself."),
        ("/ignore nobody", "! not-here: Nobody here is called nobody. /who shows who is here."),
        ("/unignore bob", "! not-here: You do not ignore bob."),
    ],
)
def test_what_cannot_be_ignored_is_answered(amy: Client, bob: Client, line: str, answer: str) -> None:
    amy.type(line)
    assert amy.lines == [answer]


def test_one_can_ignore_only_so_many(world: World, amy: Client, bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IGNORES", 1)
    world.enter("carl")
    amy.take()
    amy.type("/ignore bob", "/ignore carl")
    assert amy.lines[1] == "! too-many: You ignore 1 people already."


# /quiet


def test_quiet_is_told_or_as_it_is_told_and_changed_by_nothing_else(amy: Client) -> None:
    amy.type("/quiet", "/quiet on", "/quiet", "/silencio SÍ", "/quiet bob", "/quiet", "/quiet no", "/quiet off")
    on, off = (
        "-> Coming and going is not shown; /quiet off shows it.",
        "-> Coming and going is shown; /quiet on hides it.",
    )
    usage = "! usage: /quiet [on|off]: do not show who comes and goes"
    assert amy.take() == [off, on, on, on, usage, on, off, off]


# /ping


def test_a_ping_is_answered_with_its_token(world: World, amy: Client) -> None:
    guest = world.connect("/ping 17 4")
    amy.type("/ping")
    assert (guest.lines[-1], amy.lines[-1]) == ("-> pong 17 4", "-> pong")
    program = world.connect(wire="json")
    program.type("/ping 17", id="1")
    assert program.objects[-2] == {"type": "reply", "command": "ping", "text": "pong 17", "token": "17", "id": "1"}


# Names of people


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/nick Ämy Lou", "! nick-bad: A name has no blanks in it. Enter takes Ämy-Lou."),
        ("/nick 7up", "! nick-bad: A nickname begins with a letter, not with 7. Enter takes up."),
        ("/nick " + "a" * 21, "! nick-bad: A name has at most 20 letters. Enter takes aaaaaaaaaaaaaaaaaaaa."),
        ("/nick _admin_", "! nick-bad: A nickname begins with a letter, not with _. Enter takes guest1."),
    ],
)
def test_every_refusal_says_which_rule_is_broken_and_proposes_a_name(amy: Client, line: str, answer: str) -> None:
    amy.type(line)
    assert amy.take() == [answer]


@pytest.mark.parametrize("name", ["O'Brien", "O’Brien", "Мар'яна", "علی\u200cرضا"])
def test_people_whose_names_hold_apostrophes_and_joiners_are_written_to(world: World, amy: Client, name: str) -> None:
    guest = world.connect(name)
    typed = name.replace("’", "'").replace("\u200c", "")
    amy.take()
    amy.type(f"/msg {typed} hi")
    assert amy.take() == [f"[you -> {name}] hi"]
    assert guest.lines[-1] == "[amy -> you] hi"


@pytest.mark.parametrize("line", ["/msg NickServ identify secret", "/w chanserv op #lobby amy"])
def test_what_is_meant_for_services_is_answered_and_goes_nowhere(amy: Client, bob: Client, line: str) -> None:
    amy.type(line)
    service = line.split()[1]
    assert amy.take() == [f"! not-here: There is no {service} on this server: nothing was sent or kept."]
    assert bob.take() == []


def test_two_who_read_one_script_are_beside_each_other_and_nobody_beside_both(world: World, amy: Client) -> None:
    for name in ("עידו", "עידן"):
        assert f"-> Hello {name}." in world.connect(name).lines[-2]
    stranger = world.connect("עידl")
    assert stranger.lines[-1].startswith("! nick-alike: ")
