"""What operators do with an IRC client: modes, kicks and bans, and what is for whoever runs the server."""

import irc_client
import pytest
from irc_client import enter, log_in, numbers, plain, told
from test_account import register
from test_tokens import made
from world import Client, World

from chat.base import limits
from chat.wire.irc import isupport
from chat.wire.irc.messages import parse


@pytest.fixture
def world() -> World:
    """Bob has an account and owns #ops."""
    return irc_client.registered()


@pytest.fixture
def bob(world: World) -> Client:
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.take()
    return bob


class Code:
    """An operator's code that is any word but `wrong`."""

    digest = "its hash"

    def matches(self, code: str) -> bool:
        return code != ""

    def used(self) -> None:
        pass


@pytest.fixture
def oper(world: World, bob: Client) -> Client:
    world.hub.operator_code = Code()
    bob.type("OPER root K7F2Q-X9M4T")
    bob.take()
    return bob


def test_the_modes_of_a_room_are_what_commands_make_of_it(world: World, bob: Client) -> None:
    carl, amy = enter(world, "carl", "JOIN #ops"), world.enter("amy", "/join #ops")
    bob.take()
    shown = []
    for letters in ("", "+i", "+k word", "+m", "-k", "-i", "-m", "+t", "-t", "+l 20", "-l"):
        bob.type(f"MODE #ops {letters}", "MODE #ops")
        shown.append(told(bob, "324")[-1][2:])
        if letters:
            assert told(bob, "MODE")[0][:2] == ["#ops", letters[:2]]
        bob.take()
    assert shown == [
        ["+n"],
        ["+ins"],
        ["+ikns", "*"],
        ["+ikmns", "*"],
        ["+imns"],
        ["+mn"],
        ["+n"],
        ["+nt"],
        ["+n"],
        ["+ln", "20"],
        ["+n"],
    ]
    assert [params[1] for params in told(carl, "MODE")] == ["+i", "+m", "-i", "-m", "+t", "-t", "+l", "-l"]
    assert amy.take() == [
        "-!- bob made #ops private",
        "-!- bob muted everybody for ever in #ops",
        "-!- bob made #ops public",
        "-!- bob unmuted everybody in #ops",
        "-!- bob locked the topic in #ops",
        "-!- bob unlocked the topic in #ops",
        "-!- bob set a limit of 20 people in #ops",
        "-!- bob lifted the limit of people in #ops",
    ]


@pytest.mark.parametrize("caps", ["", "extended-join"])
@pytest.mark.parametrize("many", [False, True])
def test_who_comes_into_their_room_is_shown_as_its_operator(
    world: World, bob: Client, caps: str, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    amy = enter(world, "amy", "JOIN #ops", caps=caps)
    monkeypatch.setattr(limits, "GATHER_FROM", 1 if many else 12)
    bob.type("PART #ops")
    world.wait(limits.GATHER_SECONDS)
    amy.take()
    bob.type("JOIN #ops")
    world.wait(limits.GATHER_SECONDS)
    assert told(amy, "MODE") == [["#ops", "+o", "bob"]]
    assert [number for number in numbers(amy) if number != "PING"] == ["JOIN", "MODE"]
    assert told(bob, "MODE") == []


def test_who_has_a_voice_is_shown_with_it(world: World, bob: Client) -> None:
    amy, carl = enter(world, "amy", "JOIN #ops", caps="multi-prefix"), enter(world, "carl", "JOIN #ops")
    world.take_all()
    bob.type("MODE #ops +m", "MODE #ops +v carl", "MODE #ops +v bob", "MODE #ops +v nobody")
    assert told(bob, "MODE")[1:] == [["#ops", "+v", "carl"], ["#ops", "+v", "bob"]]
    assert told(bob, "401") == [["bob", "nobody", "Nobody here is called nobody. /who shows who is here."]]
    assert told(carl, "MODE")[1:] == [["#ops", "+v", "carl"], ["#ops", "+v", "bob"]]
    carl.type("PRIVMSG #ops :may I?")
    assert told(amy, "PRIVMSG") == [["#ops", "may I?"]]
    world.take_all()
    for client, bobs in ((amy, "@+"), (carl, "@")):
        client.type("NAMES #ops", "WHO #ops", "WHOIS bob", "WHOIS carl")
        assert told(client, "353")[0][3] == f"{bobs}bob amy +carl"
        flags = {params[5]: params[6] for params in told(client, "352")}
        assert flags == {"bob": f"H{bobs}", "amy": "H", "carl": "H+"}
        assert [params[2] for params in told(client, "319")] == [f"{bobs}#ops", "+#ops"]
    carl.type("PART #ops")
    amy.take()
    carl.type("JOIN #ops")
    assert told(amy, "MODE") == [["#ops", "+v", "carl"]]
    bob.take()
    bob.type("MODE #ops -v carl", "MODE #ops -v carl")
    assert numbers(bob) == ["MODE", "461"]


def test_a_private_room_is_shown_as_one(world: World, bob: Client) -> None:
    carl = enter(world, "carl")
    bob.type("NAMES #ops", "MODE #ops +i", "INVITE carl #ops", "NAMES #ops")
    assert [params[1] for params in told(bob, "353")] == ["=", "@"]
    carl.type("JOIN #ops")
    assert [params[1] for params in told(carl, "353")] == ["@"]


def test_a_word_makes_a_public_room_private_and_opens_it(world: World, bob: Client) -> None:
    bob.type("MODE #ops +k word")
    assert [params[1] for params in told(bob, "MODE")] == ["+i", "+k"]
    carl = enter(world, "carl")
    carl.type("JOIN #ops", "JOIN #ops wrong", "JOIN #ops word")
    assert [number for number in numbers(carl) if number.isdecimal()] == ["473", "475", "353", "366"]


@pytest.mark.parametrize("word", ["", " ", "abc", "two words", "a,bcd"])
def test_what_is_no_word_of_a_room_is_refused_and_the_room_stays_open(world: World, bob: Client, word: str) -> None:
    bob.type(f"MODE #ops +k :{word}", "MODE #ops")
    assert told(bob, "696") == [["bob", "#ops", "k", "*", "A word has at least 4 characters, no blank and no comma."]]
    assert told(bob, "324") == [["bob", "#ops", "+n"]]


@pytest.mark.parametrize("given", ["", "0", "-1", "many", "9999999999"])
def test_what_is_no_number_of_people_is_refused_and_the_room_has_no_limit(
    world: World, bob: Client, given: str
) -> None:
    bob.type(f"MODE #ops +l :{given}", "MODE #ops")
    shown = given or "*"
    assert told(bob, "696") == [["bob", "#ops", "l", shown, "From 1 to 100000 people, or off."]]
    assert told(bob, "324") == [["bob", "#ops", "+n"]]


def test_whom_a_full_room_does_not_let_in_is_told_so_by_its_number(world: World, bob: Client) -> None:
    carl = enter(world, "carl")
    bob.type("MODE #ops +l 1")
    carl.type("MODE #ops +l 5", "JOIN #ops")
    assert told(carl, "471") == [["carl", "#ops", "#ops is full: it has a limit of 1 person. Try again later."]]
    bob.type("INVITE carl #ops")
    carl.type("JOIN #ops")
    assert told(carl, "JOIN") == [["#ops"]]
    assert numbers(carl)[:2] == ["482", "471"]


def test_what_is_no_mode_is_told_in_words(world: World, bob: Client) -> None:
    carl, _ = enter(world, "carl", "JOIN #ops"), enter(world, "dee", "JOIN #ops")
    world.take_all()
    bob.type("MUTE #ops dee 10m", "SLOW #ops 10s", "MODE #ops +t")
    carl.type("TOPIC #ops :tea")
    assert numbers(carl) == ["NOTICE", "NOTICE", "MODE", "482"]
    assert [numbers(bob)[-1], bob.lines[-1]] == ["MODE", ":bob!chat@chat MODE #ops +t"]


def test_several_modes_are_set_one_after_the_other_and_what_there_is_not_is_told(world: World, bob: Client) -> None:
    enter(world, "carl", "JOIN #ops")
    bob.take()
    bob.type("MODE #ops +z-y+mo nobody")
    assert bob.take() == [
        ":pi 472 bob z :There is no such mode here. HELP MODE lists what there is.",
        ":pi 472 bob y :There is no such mode here. HELP MODE lists what there is.",
        ":bob!chat@chat MODE #ops +m",
        ":pi 401 bob nobody :Nobody here is called nobody. /who shows who is here.",
    ]


def test_a_mode_of_other_servers_is_refused_with_the_word_that_there_is(world: World, bob: Client) -> None:
    bob.type("MODE #ops +Ce *!*@*", "MODE #ops +Ihcjfq x", "MODE #ops e")
    words = [params[-1].partition("here: ")[2].split()[0] for params in told(bob, "472")]
    assert words == ["of", "a", "INVITE", "MODE", "colours", "SLOW", "SLOW", "MUTE", "a"]


def test_help_tells_which_command_of_the_chat_each_mode_is(world: World, bob: Client) -> None:
    bob.type("HELP mode")
    assert numbers(bob) == ["704", *["705"] * 8, "706"]
    explained = {params[2][:2]: params[2][4:].split()[0] for params in told(bob, "705")}
    offered = next(token for row in isupport.rows("pi") for token in row if token.startswith("CHANMODES="))
    assert explained.keys() == {f"+{letter}" for letter in offered.partition("=")[2] if letter not in ",ns"} | {
        "+o",
        "+v",
    }
    assert (explained["+b"], explained["+k"], explained["+v"]) == ("/ban", "/word", "/voice")


def test_who_is_banned_goes_stays_out_and_stands_in_a_list(world: World, bob: Client) -> None:
    carl, dee = enter(world, "carl", "JOIN #ops"), enter(world, "dee", "JOIN #ops")
    world.take_all()
    bob.type("MODE #ops +b carl!*@*")
    assert sorted(numbers(bob)) == numbers(dee)[::-1] == ["KICK", "MODE"]
    assert told(dee, "MODE") == told(bob, "MODE") == [["#ops", "+b", "carl!*@*"]]
    bob.take()
    assert told(carl, "KICK") == [["#ops", "carl", "bob"]]
    carl.type("JOIN #ops")
    assert numbers(carl)[-1] == "474"
    bob.type("MODE #ops b", "MODE #ops -b carl")
    since = int(world.now().timestamp())
    assert told(bob, "367") == [["bob", "#ops", "carl!*@*", "bob!chat@chat", str(since)]]
    carl.type("JOIN #ops")
    assert told(carl, "JOIN") == [["#ops"]]


def test_an_account_is_banned_while_it_is_away(world: World) -> None:
    amy = irc_client.irc(world, "NICK amy", "USER amy 0 * :Amy", host="127.0.0.1")
    amy.type("REGISTER * * :tulip time 8", "JOIN #new")
    amy.take()
    amy.type("MODE #new +b $a:bob", "MODE #new +b $a:carl")
    assert told(amy, "MODE") == [["#new", "+b", "bob!*@*"]]
    assert numbers(amy)[-1] == "401"
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.take()
    bob.type("JOIN #new")
    amy.type("MODE #new -b $a:bob")
    bob.type("JOIN #new")
    assert numbers(bob)[:2] == ["474", "NOTICE"]
    assert told(bob, "JOIN") == [["#new"]]


@pytest.mark.parametrize("given", ["*!*@1.2.3.4", "carl!*@10.0.0.*", "carl!user@*", "1.2.3.4@x", "ca*!*@*", "*"])
def test_a_ban_is_of_one_person_and_of_no_address(world: World, bob: Client, given: str) -> None:
    enter(world, "carl", "JOIN #ops")
    bob.take()
    bob.type(f"MODE #ops +b {given}")
    assert numbers(bob) == ["461"]
    assert world.hub.measures.all() == []


def test_who_is_kicked_is_told_why_and_nobody_hears_of_a_leave_besides(world: World, bob: Client) -> None:
    carl, dee, amy = (
        enter(world, "carl", "JOIN #ops"),
        enter(world, "dee", "JOIN #ops"),
        world.enter("amy", "/join #ops"),
    )
    echoing = enter(world, "eve", "JOIN #ops", caps="echo-message")
    world.take_all()
    bob.type("KICK #ops carl,dee :be kind")
    kicks = [":bob!chat@chat KICK #ops carl :be kind", ":bob!chat@chat KICK #ops dee :be kind"]
    assert bob.take() == kicks
    assert echoing.take() == kicks
    assert carl.take() == kicks[:1]
    assert dee.take() == kicks
    assert '-!- bob kicked carl in #ops: "be kind"' in amy.take()
    carl.type("JOIN #ops")
    assert told(carl, "JOIN") == [["#ops"]]


def test_who_kicks_with_echoes_gets_theirs_once(world: World) -> None:
    bob = log_in(world, plain("", "bob", "tulip time 7"))
    bob.type("CAP REQ :echo-message")
    enter(world, "carl", "JOIN #ops")
    bob.take()
    bob.type("MODE #ops +i", "KICK #ops carl", "MODE #ops -i")
    assert numbers(bob) == ["MODE", "KICK", "MODE"]
    assert told(bob, "KICK") == [["#ops", "carl", "bob"]]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("KICK #ops bob", "482"),
        ("KICK #none bob", "403"),
        ("KICK #dev bob", "442"),
        ("KICK #ops,#dev bob", "461"),
        ("MODE #ops +o carl", "482"),
        ("MODE #ops +i", "482"),
        ("MODE #dev b", "442"),
        ("INVITE dee #ops", "482"),
        ("INVITE dee #dev", "442"),
        ("INVITE dee", "461"),
        ("KILL bob", "481"),
        ("WALLOPS :hi", "481"),
        ("OPER root word", "491"),
        ("OPER root", "461"),
    ],
)
def test_who_may_not_is_told_so_by_a_number(world: World, bob: Client, line: str, number: str) -> None:
    enter(world, "dee", "JOIN #dev")
    carl = enter(world, "carl", "JOIN #ops")
    bob.take()
    carl.type(line)
    assert numbers(carl) == [number]
    assert bob.take() == []


def test_an_operator_is_told_who_is_not_there_or_is_already(world: World, bob: Client) -> None:
    enter(world, "dee")
    enter(world, "carl", "JOIN #ops")
    bob.take()
    bob.type("KICK #ops dee", "MODE #ops +o dee", "INVITE carl #ops", "KICK #ops nobody", "INVITE nobody #ops")
    assert numbers(bob) == ["441", "441", "443", "401", "401"]
    assert told(bob, "441")[0][1:3] == ["dee", "#ops"]
    assert told(bob, "443")[0][1:3] == ["carl", "#ops"]


def test_who_is_asked_in_is_told_and_others_only_where_they_wanted_to_be(world: World, bob: Client) -> None:
    carl, dee = enter(world, "carl", "JOIN #ops"), enter(world, "dee", "JOIN #ops", caps="invite-notify")
    eve = enter(world, "eve")
    world.take_all()
    bob.type("MODE #ops +i", "INVITE eve #ops")
    assert told(bob, "341") == [["bob", "eve", "#ops"]]
    assert told(eve, "INVITE") == [["eve", "#ops"]]
    assert told(dee, "INVITE") == [["eve", "#ops"]]
    assert numbers(carl) == ["MODE"]
    eve.type("INVITE")
    assert told(eve, "336") == [["eve", "#ops"]]
    eve.take()
    eve.type("JOIN #ops", "INVITE")
    assert told(eve, "JOIN") == [["#ops"]]
    assert numbers(eve)[-1] == "337"
    assert not told(eve, "336")


def test_the_servers_operator_comes_by_the_code_and_is_shown_the_room_of_all_of_them(world: World, bob: Client) -> None:
    world.hub.operator_code = Code()
    bob.type("OPER root wrong")
    assert numbers(bob) == ["464"]
    bob.take()
    bob.type("OPER root K7F2Q-X9M4T")
    assert numbers(bob) == ["MODE", "JOIN", "381", "353", "366"]
    assert told(bob, "MODE") == [["bob", "+o"]]
    assert told(bob, "JOIN") == [["#staff"]]
    bob.type("MODE bob")
    assert told(bob, "221") == [["bob", "+io"]]


def test_whoever_runs_the_server_sends_somebody_away_and_tells_all_who_do(world: World, oper: Client) -> None:
    dee, amy = enter(world, "dee"), world.enter("amy")
    world.hub.give_role(None, dee.session.person, "operator", None)
    world.turn()
    assert numbers(dee) == ["MODE", "JOIN"]
    dee.take()
    oper.type("WALLOPS :hi all", "KILL amy :spam")
    assert dee.take()[0] == ":bob!chat@chat PRIVMSG #staff :hi all"
    assert amy.take() == ['! kicked: You were sent away from this server: "spam".']
    assert amy.ended


@pytest.mark.parametrize("done", ["KICK #ops gus :out", "MODE #ops +b gus"])
def test_who_goes_before_the_room_was_told_that_they_came_is_not_left_in_any_list(
    world: World, bob: Client, monkeypatch: pytest.MonkeyPatch, done: str
) -> None:
    monkeypatch.setattr(limits, "GATHER_FROM", 2)
    carl = enter(world, "carl", "JOIN #ops")
    enter(world, "dan", "JOIN #ops")
    world.wait(60)
    enter(world, "eve", "JOIN #ops")  # is told of at once, and who comes next is gathered
    carl.take()
    enter(world, "gus", "JOIN #ops")
    assert not any("gus" in line for line in carl.take())
    bob.type(done)
    world.wait(60)
    heard = [parse(line).command for line in carl.take() if "gus" in line]
    assert heard == ["JOIN", "KICK"] if done.startswith("KICK") else ["JOIN", "MODE", "KICK"]


def test_who_ignores_an_operator_sees_whom_they_send_out(world: World, bob: Client) -> None:
    carl, dan = enter(world, "carl", "JOIN #ops"), enter(world, "dan", "JOIN #ops")
    for client in (carl, dan):
        client.type("IGNORE bob")
        client.take()
    bob.type("KICK #ops carl :out")
    assert told(carl, "KICK") == [["#ops", "carl", "out"]] == told(dan, "KICK")


def test_a_line_lists_bans_once_and_whoever_asks_pays_for_it(
    world: World, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(world, "carl", "JOIN #ops")
    bob.type("MODE #ops +b carl")
    dan, spent = enter(world, "dan", "JOIN #ops"), list[float]()
    monkeypatch.setattr(type(dan.session.connection), "spend", lambda visit, price: spent.append(price))
    dan.type("MODE #ops +bbb-bb")
    assert [number for number in numbers(dan) if number in ("367", "368")] == ["367", "368"]
    assert limits.PRICE_MEASURE in spent


def test_each_of_several_kicks_is_done_of_one_person_in_two_rooms_too(world: World, bob: Client) -> None:
    bob.type("JOIN #other")
    carl = enter(world, "carl", "JOIN #ops,#other")
    bob.type("KICK #ops,#other carl,carl :out")
    assert told(carl, "KICK") == [["#ops", "carl", "out"], ["#other", "carl", "out"]]


def test_who_asks_into_which_rooms_they_are_invited_is_told_no_others(world: World, bob: Client) -> None:
    carl = enter(world, "carl")
    bob.type("JOIN #other", "MODE #ops +i", "MODE #other +i", "INVITE carl #ops", "INVITE carl #other")
    carl.type("JOIN #ops", "PART #ops")
    carl.take()
    carl.type("INVITE")
    assert told(carl, "336") == [["carl", "#other"]]


def test_a_program_is_told_of_no_invitation_that_its_token_is_not_for(world: World, bob: Client) -> None:
    zoe = register(world, "zoe")
    token = made(zoe, "bot #tea talk")
    bob.type("MODE #ops +i", "INVITE zoe #ops")
    bot = log_in(world, plain("", "zoe", token), nick="zoe")
    bot.take()
    bot.type("INVITE")
    assert numbers(bot) == ["337"]
