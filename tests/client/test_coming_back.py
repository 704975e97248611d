"""Exactly once, seen from the client: what is sent again, and what it says that it has seen."""

from pathlib import Path

import pytest
from connected import World
from hypothesis import given
from hypothesis import strategies as st
from memory_server import HELLO, welcome
from twisted.internet.error import ConnectionLost

from chat.client.talk.me import SentLine
from chat.client.talk.objects import Problem
from chat.client.talk.state import SavedState, StateFile

WRONG = {"type": "error", "code": "code-wrong", "text": "no"}
BACK = welcome(resume="c0de", back=True)


def said(seq: int, room: str = "#lobby") -> dict[str, object]:
    return {"type": "message", "room": room, "seq": seq, "from": "bob", "text": "hi"}


def join(room: str, **keys: object) -> dict[str, object]:
    return {"type": "reply", "command": "join", "text": "", "room": room} | keys


# --- what was not confirmed ----------------------------------------------------------------------------------------


def test_what_was_not_confirmed_is_sent_again_under_its_id_before_anything_newer() -> None:
    world = World()
    world.enter(resume="c0de")
    for text in ("a", "b", "c"):
        world.connection.send(text)
    (_, a), *unanswered = world.server.requests
    world.ack(a)
    world.face.told.clear()
    world.lose(ConnectionLost())
    world.connection.send("d")
    assert world.face.told == ["lost, it was cut", "again in 1.5"]
    world.come_again()
    world.connection.send("e")
    world.answer(BACK)
    again = world.server.requests
    assert again[:2] == unanswered
    assert [text for text, _ in again] == ["b", "c", "d", "e"]
    assert "not confirmed" not in " ".join(world.face.told)


def test_it_is_sent_again_as_often_as_it_takes() -> None:
    world = World()
    world.enter(resume="c0de")
    world.connection.send("a")
    first = world.server.requests
    for _ in range(3):
        world.lose()
        world.come_again()
        world.answer(BACK)
        assert world.server.requests == first
    world.ack(first[0][1])
    assert world.connection.kept == 0
    assert world.face.answered == ["a"]


def test_what_is_confirmed_before_we_are_welcome_again_is_not_sent_again() -> None:
    world = World()
    world.enter(resume="c0de")
    world.connection.send("a")
    ((_, id),) = world.server.requests
    world.lose()
    world.come_again()
    resume = world.server.objects[-1]
    world.ack(id)
    world.server.send({**BACK, "id": resume["id"]})
    assert world.server.lines == []
    assert world.face.answered == ["a"]


def test_a_connection_lost_on_the_way_in_loses_no_line() -> None:
    world = World()
    world.enter(resume="c0de")
    world.connection.send("a")
    world.lose()
    world.come_again()
    world.lose()
    world.come_again()
    world.server.transport.clear()
    world.server.send(BACK)
    assert world.server.lines == ["a"]


def test_where_the_server_knows_us_no_more_it_is_told_and_what_was_never_sent_is_sent() -> None:
    world = World()
    world.enter(resume="c0de")
    world.connection.send("a")
    world.lose()
    world.connection.send("b")
    world.face.told.clear()
    world.come_again()
    world.answer(WRONG)
    world.answer(welcome(resume="new"))
    assert world.face.told == ["not confirmed, ['a']", "entered"]
    assert world.server.lines == ["b"]


def test_a_server_without_codes_is_told_nothing_twice() -> None:
    world = World()
    world.enter()
    world.connection.send("a")
    world.lose()
    world.connection.send("b")
    world.come_again()
    assert world.server.lines == ["/json", "/nick amy"]
    world.face.told.clear()
    world.server.send(welcome())
    assert world.face.told == ["not confirmed, ['a']", "entered"]
    assert world.server.lines == ["b"]


@pytest.mark.parametrize("command", ["/leave", "/PART ", "/quiet"])
def test_a_command_that_would_do_something_else_the_second_time_is_not_sent_again(command: str) -> None:
    world = World()
    world.enter(resume="c0de")
    for text in ("a", command, "/leave #ops"):
        world.connection.send(text)
    world.lose()
    world.face.told.clear()
    world.come_again()
    world.answer(BACK)
    assert world.face.told == [f"not confirmed, [{command!r}]", "entered"]
    assert world.server.lines == ["a", "/leave #ops"]


def test_what_was_not_confirmed_is_sent_again_before_another_room_is_joined() -> None:
    world = World("amy", "#ops")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome(resume="c0de"))
    world.answer(join("#ops"))
    world.connection.send("for ops")
    world.lose()
    world.connection.send("this too")
    world.come_again()
    world.answer(welcome("amy", "#ops", "#lobby", resume="c0de", back=True))
    assert world.server.lines == ["for ops", "this too"]


def test_the_face_may_go_on_asking_a_page_of_history_after_a_cut() -> None:
    world = World()
    world.enter(resume="c0de")
    world.connection.send("/last 5", before=17)
    first = world.server.objects
    world.lose()
    world.come_again()
    world.answer(BACK)
    assert world.server.objects == first
    assert first[0]["before"] == 17


@given(st.lists(st.sampled_from(["say", "ack", "cut", "cut on the way in"]), max_size=30))
def test_whatever_is_cut_every_line_arrives_in_order_and_is_answered_once(script: list[str]) -> None:
    world = World()
    world.enter(resume="c0de")
    typed = 0
    stored: dict[str, str] = {}
    unanswered: list[str] = []

    def listen() -> None:
        for text, id in world.server.requests:
            if id is not None and not text.startswith("/"):
                stored.setdefault(id, text)
                unanswered.append(id)

    def come_back() -> None:
        unanswered.clear()
        world.come_again()
        world.answer(BACK)

    for step in script:
        if step == "say":
            typed += 1
            world.connection.send(str(typed))
        elif step == "ack":
            listen()
            world.ack(*unanswered[:1])
            del unanswered[:1]
        else:
            # What is on the wire may have arrived, or not.
            if typed % 2:
                listen()
            world.lose()
            if step == "cut on the way in":
                world.come_again()
                world.lose()
            come_back()
    listen()
    world.ack(*unanswered)
    numbers = [str(number + 1) for number in range(typed)]
    assert list(stored.values()) == numbers
    assert world.face.answered == numbers


# --- what was seen -------------------------------------------------------------------------------------------------


def test_with_a_code_we_come_back_by_it_and_say_what_we_have_seen() -> None:
    world = World()
    world.enter(resume="c0de")
    world.server.send(said(7), said(8), said(3, "@bob"), said(9, "#elsewhere"))
    world.server.send({"type": "joined", "room": "#lobby", "seq": 9, "from": "x"})
    world.lose()
    world.connection.send("kept")
    world.come_again()
    _, resume = world.server.objects
    assert (resume["line"], resume["seen"]) == ("/resume c0de", {"#lobby": 9, "@": 3})
    world.server.send(welcome("amy", "#ops", "#lobby", resume="c0de", back=True, id=resume["id"]))
    assert world.server.lines == ["kept"]
    assert world.connection.connected
    world.server.send(said(10))
    world.lose()
    world.come_again()
    assert world.server.objects[1]["seen"] == {"#lobby": 10, "@": 3}


def test_where_nothing_came_yet_we_have_seen_what_there_was_when_we_came() -> None:
    world = World()
    world.enter(resume="c0de", rooms={"#lobby": {"head": 17}})
    world.server.send(join("#ops", head=4), join("#lobby", head=18))
    world.lose()
    world.come_again()
    assert world.server.objects[1]["seen"] == {"#lobby": 17, "#ops": 4, "@": 0}


def test_what_is_gone_is_not_asked_for_again() -> None:
    world = World()
    world.enter(resume="c0de", rooms={"#lobby": {"head": 17}})
    world.server.send({"type": "missed", "room": "#lobby", "count": 1000})
    world.lose()
    world.come_again()
    assert world.server.objects[1]["seen"] == {"#lobby": 1017, "@": 0}


def test_what_came_before_we_were_welcome_again_does_not_change_what_we_have_seen() -> None:
    world = World()
    world.enter(resume="c0de", rooms={"#lobby": {"head": 17}})
    world.lose()
    world.come_again()
    world.answer({**BACK, "rooms": {"#lobby": {"head": 20}}})
    world.lose()
    world.come_again()
    assert world.server.objects[1]["seen"] == {"#lobby": 17, "@": 0}


def test_whose_code_was_typed_has_seen_what_the_server_knows() -> None:
    world = World()
    world.enter(resume="c0de", rooms={"#lobby": {"head": 17}})
    world.connection.send("/resume other")
    world.answer(welcome("bob", "#ops", resume="other", back=True))
    world.lose()
    world.come_again()
    resume = world.server.objects[1]
    assert (resume["line"], resume.get("seen")) == ("/resume other", None)


def test_a_server_that_lost_what_we_have_seen_is_asked_for_what_it_has() -> None:
    world = World()
    world.enter(resume="c0de")
    world.server.send(said(7))
    world.lose()
    world.come_again()
    world.answer({"type": "error", "code": "seen-ahead", "text": "no"})
    (resume,) = world.server.objects
    assert (resume["line"], resume.get("seen")) == ("/resume c0de", None)
    world.server.send({"type": "error", "code": "seen-ahead", "text": "no", "id": resume["id"]})
    assert world.server.lines == ["/nick amy"]


def test_a_server_that_has_no_time_for_codes_is_asked_again_later() -> None:
    world = World()
    world.enter(resume="c0de")
    world.connection.send("a")
    world.lose()
    world.come_again()
    world.answer({"type": "error", "code": "slow-down", "text": "no"})
    assert world.server.transport.disconnected
    world.lose(ConnectionLost())
    assert "lost, the server has no time for us yet" in world.face.told
    world.come_again()
    assert world.server.lines == ["/json", "/resume c0de"]


# --- rooms ---------------------------------------------------------------------------------------------------------


def test_we_come_back_under_the_nickname_that_was_taken_last_and_to_all_rooms_the_current_one_last() -> None:
    world = World()
    world.enter()
    world.server.send(join("#ops"), join("#dev"))
    world.server.send({"type": "reply", "command": "nick", "text": "", "nick": "dee"})
    world.server.send(join("#ops"))
    world.lose()
    world.connection.send("waits")
    world.come_again()
    assert world.server.lines == ["/json", "/nick dee"]
    world.server.send(welcome("dee"))
    (dev, dev_id), (ops, ops_id) = world.server.requests
    assert (dev, ops) == ("/join #dev", "/join #ops")
    world.server.send(join("#dev", id=dev_id))
    assert world.server.lines == []
    world.server.send(join("#ops", id=ops_id))
    assert world.server.lines == ["waits"]


def test_rooms_are_not_forgotten_when_the_way_back_in_is_cut_too() -> None:
    world = World()
    world.enter()
    world.server.send(join("#ops"))
    world.lose()
    world.come_again()
    world.server.send(welcome())
    world.lose()
    world.come_again()
    world.server.send(welcome())
    assert world.server.lines == ["/json", "/nick amy", "/join #ops"]


def test_a_room_that_was_not_joined_yet_is_joined_when_we_come_back() -> None:
    world = World("amy", "#ops")
    world.connection.send("kept")
    world.server.accept()
    world.server.send(HELLO)
    world.answer(welcome(resume="c0de"))
    world.lose()
    world.come_again()
    world.answer(BACK)
    assert world.server.lines == ["/join #ops"]
    assert not world.connection.connected


def test_a_code_that_is_not_known_any_more_is_forgotten_and_we_come_in_as_before() -> None:
    world = World()
    world.enter(resume="c0de")
    world.server.send(join("#ops"), said(7))
    world.lose()
    world.face.objects.clear()
    world.come_again()
    world.answer(WRONG)
    assert world.server.lines == ["/nick amy"]
    world.server.send(welcome())
    assert world.server.lines == ["/join #ops"]
    assert not any(isinstance(what, Problem) for what in world.face.objects)
    assert world.connection.me.seen == {"@": 0}


# --- after a crash -------------------------------------------------------------------------------------------------


def take(path: Path) -> StateFile:
    file = StateFile.take(path / "state")
    assert file is not None
    return file


def look(path: Path) -> SavedState | None:
    """What stands in the file of a run that has it still."""
    return StateFile(path / "state", -1).read()


def left(path: Path, *lines: SentLine) -> StateFile:
    """The file of a client that was killed."""
    file = take(path)
    file.write(SavedState("c0de", {"#lobby": 7, "@": 2}, lines))
    return file


def test_a_client_that_was_killed_comes_back_as_the_same_person_and_sends_its_lines_again(tmp_path: Path) -> None:
    world = World(None, kept=left(tmp_path, SentLine("old-1", "a"), SentLine("old-2", "b")))
    world.connection.send("new")
    world.server.accept()
    world.server.send(HELLO)
    _, resume = world.server.objects
    assert (resume["line"], resume["seen"]) == ("/resume c0de", {"#lobby": 7, "@": 2})
    world.server.send({**BACK, "id": resume["id"]})
    assert world.server.requests == [("a", "old-1"), ("b", "old-2"), ("new", "run-1")]
    assert world.face.told == ["sent again, ['a', 'b']", "entered"]


def test_what_it_sends_again_is_told_once_whatever_happens_then(tmp_path: Path) -> None:
    world = World(None, kept=left(tmp_path, SentLine("old-1", "a")))
    world.server.accept()
    world.server.send(HELLO)
    world.answer(BACK)
    world.face.told.clear()
    world.lose()
    world.come_again()
    world.answer(BACK)
    assert world.server.requests == [("a", "old-1")]
    assert not any("sent again" in told for told in world.face.told)


def test_lines_of_before_go_where_they_were_meant_and_not_to_a_room_asked_for_now(tmp_path: Path) -> None:
    world = World(None, "#other", kept=left(tmp_path, SentLine("old-1", "secret")))
    world.server.accept()
    world.server.send(HELLO)
    world.answer(BACK)
    assert world.server.lines == ["secret", "/join #other"]


def test_where_its_code_has_ended_the_lines_of_before_are_told_and_not_said(tmp_path: Path) -> None:
    world = World(None, kept=left(tmp_path, SentLine("old-1", "a")))
    world.server.accept()
    world.server.send(HELLO)
    world.answer(WRONG)
    assert world.face.told == ["nickname wanted, the first"]
    world.connection.enter("amy")
    world.answer(welcome(resume="new"))
    assert world.face.told[1:] == ["not confirmed, ['a']", "entered"]
    assert world.server.lines == []


def test_what_is_typed_is_kept_at_once_and_what_was_shown_within_a_second(tmp_path: Path) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.clock.advance(0)
    assert look(tmp_path) == SavedState("c0de", {"@": 0}, [])
    world.server.send(said(7))
    world.connection.written()
    world.clock.advance(0.9)
    assert look(tmp_path) == SavedState("c0de", {"@": 0}, [])
    world.clock.advance(0.1)
    assert look(tmp_path) == SavedState("c0de", {"@": 0, "#lobby": 7}, [])
    world.connection.send("a")
    world.connection.send("b")
    world.clock.advance(0)
    lines = [SentLine("run-2", "a"), SentLine("run-3", "b")]
    assert look(tmp_path) == SavedState("c0de", {"@": 0, "#lobby": 7}, lines)
    world.ack("run-2")
    world.clock.advance(1)
    assert look(tmp_path) == SavedState("c0de", {"@": 0, "#lobby": 7}, lines[1:])


def test_what_came_and_is_not_written_out_yet_counts_as_not_shown(tmp_path: Path) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.server.send(said(7))
    world.connection.written()
    world.server.send(said(8))
    world.clock.advance(1)
    assert look(tmp_path) == SavedState("c0de", {"@": 0, "#lobby": 7}, [])


def test_lines_that_wait_for_a_connection_are_kept_too(tmp_path: Path) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.lose()
    world.connection.send("a")
    world.clock.advance(0)
    state = look(tmp_path)
    assert state is not None
    assert [line.text for line in state.lines] == ["a"]


def test_on_the_way_in_what_the_last_run_left_is_not_overwritten(tmp_path: Path) -> None:
    world = World("amy", "#ops", kept=left(tmp_path, SentLine("old-1", "a")))
    before = look(tmp_path)
    world.server.accept()
    world.server.send(HELLO)
    world.answer(WRONG)
    world.answer(welcome(resume="new"))
    world.connection.send("b")
    world.clock.advance(5)
    assert look(tmp_path) == before
    world.answer(join("#ops"))
    world.clock.advance(5)
    state = look(tmp_path)
    assert state is not None
    assert (state.code, [line.text for line in state.lines]) == ("new", ["b"])


def test_a_goodbye_that_was_heard_leaves_nothing_behind(tmp_path: Path) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.clock.advance(1)
    world.connection.leave()
    world.answer({"type": "reply", "command": "quit", "text": "Bye."})
    world.lose()
    assert list(tmp_path.iterdir()) == []


def test_a_quit_that_was_typed_leaves_nothing_behind_either(tmp_path: Path) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.connection.send("/quit see you")
    world.answer({"type": "reply", "command": "quit", "text": "Bye."})
    world.lose()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "kept"), [("kicked", False), ("banned", False), ("taken-over", True)])
def test_who_is_sent_away_does_not_come_back_by_a_code_that_is_void(tmp_path: Path, code: str, kept: bool) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.clock.advance(1)
    world.server.send({"type": "error", "code": code, "text": "x"})
    world.lose()
    assert (look(tmp_path) is not None) == kept


def test_who_leaves_while_the_server_is_away_can_come_back_and_says_nothing_late(tmp_path: Path) -> None:
    world = World(kept=take(tmp_path))
    world.enter(resume="c0de")
    world.connection.send("sent")
    world.lose()
    world.connection.send("waits")
    world.clock.advance(0)
    world.connection.leave()
    assert world.over.called
    assert look(tmp_path) == SavedState("c0de", {"@": 0}, [])
    assert [line.text for line in world.connection.unconfirmed] == ["sent"]


def test_a_state_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    class Full(StateFile):
        def write(self, state: SavedState) -> None:
            raise OSError(28, "No space left on device")

    full = Full.take(tmp_path / "state")
    world = World(kept=full)
    world.enter(resume="c0de")
    world.connection.send("a")
    world.clock.advance(0)
    assert world.face.told == ["not kept"]
    assert world.server.lines == ["a"]
