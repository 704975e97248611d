"""A class of forty behind one address, with netcat and telnet, in English and Spanish, and a troll among them."""

import re
from pathlib import Path

import pytest

from .conftest import OnTerminal, Run, Serve
from .peers import COMMANDS, Peer
from .server import Server

pytestmark = pytest.mark.slow

SECRET = "tulip and rose"
PUPILS = 38


def teacher_of(run: Run, server: Server, directory: Path) -> Peer:
    """Who comes first, makes an account, and runs the server by the code in the file."""
    profe = run(server, "profe", "nc.openbsd")
    profe.hears("Type a nickname")
    profe.says("profe")
    profe.hears("could let you in is here now.")
    for line in ("/register", SECRET, SECRET):
        profe.says(line)
    profe.hears("profe is yours now")
    profe.says(f"/operator {(directory / 'operator-code').read_text().strip()}")
    profe.hears("profe is an operator of this server now.")
    profe.says("/join #lobby")
    profe.hears("You speak in #lobby now.")
    return profe


def pins(profe: Peer, count: int) -> list[str]:
    profe.says(f"/roster {count}")
    told = profe.hears(f"{count} PINs are nobody's yet.")
    return list(dict.fromkeys(re.findall(r"(?<!\d)\d{6}(?!\d)", told.partition("One for each")[2])))


def test_forty_behind_one_address_and_a_troll(serve: Serve, run: Run, on_terminal: OnTerminal, tmp_path: Path) -> None:
    server = serve("--for", "class")
    assert "Set up for class (--for): grace 900, max-per-host 120 and /class on at the start." in server.said
    profe = teacher_of(run, server, tmp_path)
    given = pins(profe, PUPILS + 1)
    assert len(given) == PUPILS + 1
    host, port = server.address
    programs = ["nc.openbsd", "nc.traditional", "telnet"]

    def comes(name: str, line: str, number: int = 0, spanish: bool = False) -> Peer:
        program = programs[number % 3]
        command = ["telnet", host, port] if program == "telnet" else [*COMMANDS[program](host, port)]
        peer: Peer = on_terminal(name, *command)
        peer.hears("Type a nickname")
        if spanish:
            peer.says("/idioma es")
            peer.hears("español")
        peer.says(line)
        return peer

    # They come with what stands on their slips.
    pupils = []
    for number in range(PUPILS):
        pupil = comes(f"pupil{number:02d}", f"pupil{number:02d} {given[number]}", number, spanish=number % 2 == 1)
        pupil.hears("#lobby")
        pupils.append(pupil)
    profe.says("/who")
    profe.hears(f"{PUPILS + 1} people are in #lobby")
    pupils[0].says("good morning")
    for pupil in pupils[1:]:
        pupil.hears("<pupil00> good morning")

    # One of them is a troll.
    troll = comes("troll", f"troll {given[PUPILS]}", 0)
    troll.hears("You are in #lobby")
    troll.says("SPAM 1")
    profe.hears("<troll> SPAM 1")
    troll.says("SPAM 2")
    troll.hears("! slow-down: “SPAM 2” was not said: #lobby is slow")
    profe.says("/kick troll spam")
    troll.hears('profe kicked troll in #lobby: "spam"')
    pupils[1].hears('profe ha echado a troll: "spam"')
    troll.says("SPAM 3")
    troll.hears("! not-in-room: ")
    for line in ("/join #party", "/nick angel", "/msg pupil01 hi", "/topic #lobby SPAM", "/away SPAM", "/register"):
        troll.says(line)
        troll.hears("! n")
    troll.says("/join #lobby")
    troll.hears("! locked: #lobby is locked: you wait at its door, 10 min at most. profe was")
    profe.hears("At the door of #lobby: troll; ")
    profe.says("/refuse troll think about it")
    troll.hears('profe refused troll in #lobby: "think about it"')

    # Gone, and here again: by the PIN, and as others.
    troll.says("/quit SPAM")
    troll.hears("Class mode is on: guests keep their nicknames")
    troll.hears("Bye troll.")
    again = comes("again", f"troll {given[PUPILS]}", 0)
    again.hears("! locked: #lobby is locked: you wait at its door")
    profe.says("/admin ban troll forever enough")
    profe.hears("39 others share that address: it stays open.")
    again.hears("! banned: ")
    once_more = comes("once_more", f"troll {given[PUPILS]}", 1)
    once_more.hears("! code-wrong: This is nobody's PIN, or that of another nickname.")
    others = []
    for nick in ("angel", "bishop", "cherub", "deacon", "elder"):
        others.append(comes(nick, nick, 1))
        others[-1].hears("! locked: #lobby is locked: you wait at its door")
    late = comes("late", "late", 1, spanish=True)
    late.hears("! locked: #lobby está cerrada, y 5 de tu dirección esperan ya a su puerta:")
    profe.hears("At the door of #lobby: angel, bishop, cherub and 2 more")
    profe.says("/refuse all who are you?")
    profe.hears("Not admitted to #lobby: angel, bishop, cherub and 2 more")
    for other in others:
        other.hears('"who are you?"')

    # A late pupil, and a lost phone.
    late.says("/entrar #lobby")
    late.hears("! locked: #lobby está cerrada: esperas a su puerta, 10 min como mucho.")
    late.says("hola?")
    late.hears("! locked: Esperas a la puerta de #lobby: allí aún no te oye nadie.")
    profe.hears("At the door of #lobby: late")
    profe.says("/admit late")
    late.hears("profe abrió a late en #lobby")
    late.hears("Ahora hablas en #lobby.")
    phone = comes("phone", f"pupil03 {given[3]}", 1, spanish=True)
    phone.hears("Hola de nuevo, pupil03.")
    pupils[3].hears("! taken-over: ")
    phone.says("aquí otra vez")
    pupils[4].hears("<pupil03> aquí otra vez")
    profe.says("/roster")
    profe.hears("pupil00, pupil01")

    # It is over, and the server comes again over a crash.
    server.process.kill()
    server.process.wait()
    serve("--port", f"tcp:{server.port}:interface={server.host}", "--for", "class")
    back = comes("back", f"pupil05 {given[5]}", 1)
    back.hears("Hola de nuevo, pupil05.")
    profe = run(server, "profe", "nc.openbsd")
    profe.hears("Type a nickname")
    profe.says(f"/login profe {SECRET}")
    profe.hears("Welcome back profe.")
    profe.says("/class off")
    back.hears("profe quitó el modo clase: ya nada está cerrado a los invitados")
    free = comes("free", "free", 1)
    free.hears("You are in #lobby")
    wrong = comes("wrong", f"pupil06 {given[6]}", 1)
    wrong.hears("! nick-bad: ")
