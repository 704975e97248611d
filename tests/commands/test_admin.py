"""What whoever runs the server may ask, and nobody else; and who that is."""

import pytest
from stores import FailingStore
from world import Client, World

from chat.base import limits
from chat.commands.registry import TABLE, WITHIN

REFUSED = "not-allowed"


def answer(client: Client, line: str) -> list[dict]:
    """What comes of a line with an id, without the id."""
    client.take()
    client.type(line, id="1")
    objects = [keys for keys in client.take_objects() if keys["type"] != "hello"]
    assert {keys["id"] for keys in objects} == {"1"}
    return [{key: value for key, value in keys.items() if key not in ("id", "at")} for keys in objects]


# Who may.


@pytest.mark.parametrize("line", ["/admin", "/admin who", "/admin announce hi", "/ADMIN who", "/admin x"])
def test_nobody_else_is_served_in_whatever_state(line: str, world: World) -> None:
    ann = world.enter("ann")
    for client in (
        world.connect("/who"),
        world.enter("amy"),
        world.connect("/nick bob", host="127.0.0.1"),
        world.enter("bot", wire="json"),
    ):
        client.take()
        client.type(line)
        (told,) = client.take()
        assert REFUSED in told
    assert not any("hi" in told for told in ann.take())


def test_rights_are_those_of_the_connection_and_do_not_go_with_a_code(world: World) -> None:
    boss = world.operator("/nick boss")
    code = next(keys["resume"] for keys in boss.take_objects() if keys["type"] == "welcome")
    assert answer(boss, "/admin who")[0]["here"] == 1
    elsewhere = world.connect(f"/resume {code}")
    elsewhere.take()
    elsewhere.type("/admin who")
    assert REFUSED in elsewhere.take()[0]
    again = world.operator()
    again.type("/resume " + code)
    assert answer(again, "/admin who")[0]["here"] == 1


def test_help_hides_it_from_others(world: World) -> None:
    amy, boss = world.enter("amy"), world.operator()
    for line in ("/help", "/help all", "/help admin", "/help admni", "/admni who", "/help tips"):
        amy.type(line)
        assert not any("/admin" in told.replace("There is no /admin", "") for told in amy.take())
    (told, _) = answer(boss, "/help admin")
    assert [command["name"] for command in told["commands"]] == [
        "admin",
        *(
            f"admin {name}"
            for name in [
                "who",
                "stats",
                "nodes",
                "announce",
                "reset",
                "op",
                "deop",
                "owner",
                "reload",
                "backup",
                "shutdown",
                "invite-code",
                *("class", "roster", "export", "forget"),
                *("mute", "unmute", "kick", "ban", "unban", "bans", "delete", "audit"),
            ]
        ),
    ]
    (told, _) = answer(boss, "/help all")
    assert {command["name"] for command in told["commands"]} == {
        row.name for row in TABLE.values() if row.role != "account"
    }
    (told, _) = answer(boss, "/admin")
    assert [command["usage"] for command in told["commands"]] == [
        "/admin who [NICK]",
        "/admin stats",
        "/admin nodes",
        "/admin announce text",
        "/admin reset NICK",
        "/admin op NICK",
        "/admin deop NICK",
        "/admin owner #room NICK",
        "/admin reload",
        "/admin backup",
        "/admin shutdown [DURATION|off]",
        "/admin invite-code [N]",
        "/admin class [on|off]",
        "/admin roster [N]",
        "/admin export NICK|#room",
        "/admin forget NICK NICK",
        "/admin mute NICK|all [DURATION] [why]",
        "/admin unmute NICK|all",
        "/admin kick NICK [why]",
        "/admin ban NICK [DURATION] [why]",
        "/admin unban NICK",
        "/admin bans",
        "/admin delete NICK all DURATION [why]",
        "/admin audit [n]",
    ]


def test_each_of_them_is_for_the_operator_alone() -> None:
    rows = [TABLE["admin"], *WITHIN["admin"].values()]
    assert {row.role for row in rows} == {"server operator"}
    assert {
        row.role for row in TABLE.values() if row.name not in ("admin", "class", "roster", "own", "invite-code")
    } == {
        "anybody",
        "account",
        "operator",
        "owner",
    }


# The door.


def test_it_speaks_as_programs_do_from_the_first_line_on_and_needs_no_nickname(world: World) -> None:
    boss = world.operator("/admin who\r")
    assert [keys["type"] for keys in boss.objects] == ["hello", "reply"]
    assert boss.bytes.startswith(b"{")  # no telnet, whatever ends the line
    assert boss.visit.sealed
    boss.take()
    world.wait(limits.NICK_SECONDS * 2, 10)
    assert boss.lines == []
    assert not boss.ended
    boss.type("/quit")
    assert boss.gone


def test_a_full_or_banned_house_is_open_to_them() -> None:
    world = World(max_clients=1, max_per_host=1, bans=["0.0.0.0/0"])
    world.connect()
    bosses = [world.operator("/admin who") for _ in range(3)]
    assert all(boss.objects[-1]["type"] == "reply" for boss in bosses)
    for boss in bosses:
        boss.cut()
    assert world.connect(host="2001:db8::1").lines[0].startswith("-> Welcome")


def test_they_hear_that_the_server_stops(world: World) -> None:
    boss = world.operator("/admin who")
    boss.take()
    world.factory.hold()
    world.factory.drain()
    world.turn()
    assert boss.objects[0]["command"] == "quit"
    assert boss.gone


# /admin who


def test_who_tells_from_where_since_when_on_which_wire_and_how_far_behind(world: World) -> None:
    amy = world.enter("amy")
    world.wait(60)
    ben, carl = world.enter("ben", wire="json"), world.enter("carl")
    world.connect(host="192.0.2.99")
    ben.full()
    carl.cut()
    for number in range(55):
        amy.type(f"{number} {'x' * 1900}")
        world.turn()
    world.wait(20)
    told, done = answer(world.operator(), "/admin who")
    assert done == {"type": "ack"}
    behind = told["connections"][1]["behind"]
    assert 0 < behind <= 55
    kept = ("nick", "account", "host", "since", "wire", "behind", "down", "rooms")
    assert [tuple(one[key] for key in kept) for one in told["connections"]] == [
        ("amy", False, "192.0.2.1", "2026-11-22T10:04:00.000Z", "plain", 0, None, ["#lobby"]),
        ("ben", False, "192.0.2.1", told["connections"][1]["since"], "json", behind, None, ["#lobby"]),
        ("carl", False, "192.0.2.1", told["connections"][2]["since"], None, 0, 20, ["#lobby"]),
        (None, False, "192.0.2.99", None, "plain", 0, None, []),
    ]
    assert (told["here"], told["down"], told["nameless"]) == (2, 1, 1)
    lines = told["text"].splitlines()
    assert lines[0] == "2 here, 1 with their line down, 1 without a nickname; times UTC"
    assert lines[1] == "amy   192.0.2.1   2026-11-22 10:04  plain  #lobby"
    assert lines[2].endswith(f"json  {behind} behind  #lobby")
    assert lines[3].endswith("-  line down 20 s  #lobby")
    assert lines[4] == "-     192.0.2.99                    plain"


def test_who_of_nobody(world: World) -> None:
    told, _ = answer(world.operator(), "/admin who")
    assert told["text"] == "0 here, 0 with their line down, 0 without a nickname; times UTC"
    assert told["connections"] == []


def test_who_lists_so_many_and_counts_the_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USERS_LISTED", 2)
    for number in range(4):
        world.enter(f"amy{number}")
    told, _ = answer(world.operator(), "/admin who")
    assert (len(told["connections"]), told["here"]) == (2, 4)
    assert told["text"].splitlines()[-1] == "And 2 more."


def test_names_of_wide_letters_stand_in_columns(world: World) -> None:
    world.enter("小林"), world.enter("amy")
    told, _ = answer(world.operator(), "/admin who")
    assert [line[: line.index("192")] for line in told["text"].splitlines()[1:]] == ["amy   ", "小林  "]


def test_who_says_which_are_accounts_and_where_they_are(world: World) -> None:
    world.connect("/nick profe", "/register", "tulip and rose", "tulip and rose", "/join #ops", host="127.0.0.1")
    told, _ = answer(world.operator(), "/admin who")
    (one,) = told["connections"]
    assert (one["account"], one["rooms"]) == (True, ["#lobby", "#ops"])
    assert told["text"].splitlines()[1] == "profe  127.0.0.1  2026-11-22 10:04  plain  account  #lobby  #ops"


# /whois


def test_whoever_runs_the_server_is_told_earlier_nicknames_addresses_and_wires(world: World) -> None:
    troll, boss = world.enter("troll"), world.operator("/nick boss")
    troll.type("/nick amigo", "/nick troll", "/nick friend", "/nick friend")
    public, seen, done = answer(boss, "/whois friend")
    assert (seen["nick"], seen["account"], seen["earlier"]) == ("friend", False, ["amigo", "troll"])
    assert [(one["host"], one["wire"], one["down"]) for one in seen["connections"]] == [("192.0.2.1", "plain", None)]
    assert seen["text"].splitlines() == [
        "friend was called amigo and troll earlier.",
        "friend  192.0.2.1  2026-11-22 10:04  plain  #lobby",
    ]
    assert (public["nick"], done["type"]) == ("friend", "ack")
    troll.cut()
    world.wait(20)
    _, seen, _ = answer(boss, "/whois friend")
    assert [(one["wire"], one["down"]) for one in seen["connections"]] == [(None, 20)]


def test_each_device_of_somebody_is_told(world: World) -> None:
    amy = world.connect("/nick amy", "/register", "tulip and rose", "tulip and rose", host="127.0.0.1")
    world.device(amy, "json")
    _, seen, _ = answer(world.operator(), "/admin who amy")
    assert sorted(one["wire"] for one in seen["connections"]) == ["json", "plain"]


def test_the_control_socket_asks_without_a_nickname(world: World) -> None:
    world.enter("amy", "/nick ann")
    public, seen, _ = answer(world.operator(), "/admin who ann")
    assert (public["nick"], seen["earlier"]) == ("ann", ["amy"])


def test_nobody_else_is_told_of_them(world: World) -> None:
    amy, ben = world.enter("amy", "/nick ann"), world.enter("ben", wire="json")
    assert [keys["type"] for keys in answer(ben, "/whois ann")] == ["reply", "ack"]
    amy.type("/whois ann")
    assert not any("amy" in line or "192.0.2" in line for line in amy.take())


def test_so_many_earlier_nicknames_are_known(world: World) -> None:
    amy = world.enter("amy")
    amy.type(*(f"/nick amy{number}" for number in range(limits.NICKNAMES_KNOWN + 5)))
    _, seen, _ = answer(world.operator(), f"/admin who amy{limits.NICKNAMES_KNOWN + 4}")
    assert seen["earlier"] == [f"amy{number}" for number in range(4, limits.NICKNAMES_KNOWN + 4)]


# /admin announce


def test_an_announcement_is_heard_by_all_and_by_whoever_comes_back(world: World) -> None:
    amy, ben = world.enter("amy"), world.enter("ben", wire="json")
    code = amy.session.code
    amy.cut()
    told, done = answer(world.operator(), "/admin announce  We restart at 10.")
    assert told["text"] == "Everybody is told, and whoever comes back later."
    assert done == {"type": "ack", "room": "*", "seq": 1}
    (keys,) = [keys for keys in ben.objects if keys["type"] == "announced"]
    assert (keys["text"], "from" in keys) == ("We restart at 10.", False)
    assert any('-!- Announcement: "We restart at 10."' in line for line in world.connect(f"/resume {code}").lines)


def test_who_has_a_nickname_there_announces_under_it(world: World) -> None:
    ben = world.enter("ben")
    boss = world.operator("/nick boss")
    boss.type("/admin announce tea")
    assert ben.take()[-1] == '-!- Announcement by boss: "tea"'


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/admin announce", "usage"),
        ("/admin announce " + "x" * 2001, "too-long"),
        ("/admin who me you", "usage"),
        ("/admin who me", "not-here"),
        ("/admin jump amy", "unknown-command"),
    ],
    ids=["nothing", "too long", "too much", "nobody", "not there"],
)
def test_what_is_not_so_is_one_error_and_nothing_is_told(line: str, code: str, world: World) -> None:
    ben = world.enter("ben")
    (told,) = answer(world.operator(), line)
    assert (told["type"], told["code"]) == ("error", code)
    assert ben.lines == []


def test_what_could_not_be_stored_is_told_to_nobody_but_them() -> None:
    store = FailingStore()
    world = World(store)
    ben = world.enter("ben")
    ben.take()
    store.failures = 1
    (told,) = answer(world.operator(), "/admin announce tea")
    assert (told["type"], told["code"]) == ("error", "not-stored")
    assert not any("tea" in line for line in ben.take())


def test_a_forgotten_password_is_replaced_and_told_once(world: World) -> None:
    boss = world.operator()
    profe = world.connect("/nick profe", "/register", "tulip and rose", "tulip and rose", host="127.0.0.1")
    (told, _) = answer(boss, "/admin reset profe")
    assert profe.ended
    forgot = world.connect("/nick ana", "/login profe tulip and rose", host="127.0.0.1")
    assert "login-failed" in forgot.bytes.decode()
    forgot.type(f"/login profe {told['password']}")
    assert "Welcome back profe." in forgot.bytes.decode()
    (refused,) = answer(boss, "/admin reset nobody")
    assert (refused["code"], refused["text"]) == ("not-here", "nobody is not registered.")
