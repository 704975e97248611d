"""What is asked before anything is shown."""

from pathlib import Path

import pytest

from chat.base.language import Language
from chat.client.options import Server, Servers
from chat.client.settings import Saved, Settings
from chat.client.starting import Asker, asked_server, remember_nick, remember_server, usual_server

USUAL = Servers([Server("localhost", 12345)])


def asker(*answers: str) -> tuple[Asker, list[str]]:
    lines, written = iter([f"{answer}\n" for answer in answers]), list[str]()
    return Asker(Language("en"), lambda: next(lines, ""), written.append), written


@pytest.mark.parametrize(
    ("answer", "server"),
    [
        ("", *USUAL),
        ("pi", Server("pi", 12345)),
        ("pi:99", Server("pi", 99)),
        ("tls://pi", Server("pi", 12346, True)),
        ("chat://pi:7/", Server("pi", 7)),
        (" [::1]:5 ", Server("::1", 5)),
    ],
)
def test_any_way_to_write_a_server_is_understood(answer: str, server: Server) -> None:
    asked, written = asker(answer)
    assert asked.server(USUAL) == (server,)
    assert written == ["Screen reader? chat-client --plain\n", "Which server? (Enter: localhost:12345) "]


def test_what_is_no_server_is_asked_again() -> None:
    asked, written = asker("http://pi", "pi:port", "pi")
    assert asked.server(USUAL) == (Server("pi", 12345),)
    assert [line[:10] for line in written if line.startswith("!")] == ["! http://p", "! pi:port:"]


def test_whoever_comes_next_may_be_somebody_else() -> None:
    for answer, other in (("", None), ("ana", None), ("ben", "ben")):
        asked, written = asker(answer)
        assert asked.goes_on("ana") == other
        assert written == ["Go on as ana, or as somebody else? (Enter: ana; or another nickname) "]


def test_an_end_of_input_is_no_answer() -> None:
    asked, _ = asker()
    with pytest.raises(EOFError):
        asked.server(USUAL)


@pytest.mark.parametrize(
    ("known", "server"), [("pi", Server("pi", 12345)), ("work", Server("chat.example", 1, True)), ("a:b:c", *USUAL)]
)
def test_the_usual_server_is_asked_for_where_it_is_none(known: str, server: Server) -> None:
    settings = Settings()
    settings.put("server", known)
    settings.save_server("work", Saved("tls://chat.example:1"))
    asked, written = asker("")
    assert (usual_server(settings) or asked_server(settings, asked, USUAL)) == (server,)
    assert bool(written) == (server is USUAL[0])


def test_what_was_answered_is_known_at_the_next_start(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "client.toml")
    remember_server(settings, Servers([Server("pi", 12346, True)]))
    remember_nick(settings, "ana")
    remember_nick(settings, "ben")
    again = Settings(tmp_path / "client.toml")
    assert (again["server"], again["nick"]) == ("tls://pi:12346", "ana")
