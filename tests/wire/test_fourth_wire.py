"""A fourth wire, in a hundred lines: what a wire is does not depend on those that there are.

Fields stand between tabs.  `say ROOM TEXT` says something (without a room: where the last words went), `do COMMAND
REST` does what a command does.  What comes is `heard ROOM NICK TEXT`, `came …`, `told COMMAND TEXT`, `no CODE TEXT`.
"""

from collections.abc import Iterator, Sequence

import pytest
from world import Client, World

from chat.base.errors import BadInput
from chat.base.language import Language, say
from chat.log.events import Action, Entry, Message, Private
from chat.log.log import Log
from chat.wire import prose
from chat.wire.answers import Answer, Greeting, History, Problem, Reply, Stored, Welcome
from chat.wire.rendering import NO_TALK, Talk
from chat.wire.requests import Expected, Invoke, Parsed, Request, Say
from chat.wire.wires import Kind, kinds


def line(*fields: str) -> bytes:
    return "\t".join(field.replace("\t", " ").replace("\n", " | ") for field in fields).encode() + b"\n"


class TabFormat:
    """What others do, in fields."""

    name = "tabs"
    folds = True
    echoes = False
    keeps_list = False

    def __init__(self, language: Language) -> None:
        self.language = language
        self.made = 0

    def without(self, piece: bytes, nick: str) -> bytes:
        return piece

    def event(self, log: Log, entry: Entry, named: bool, timed: bool, id: str | None = None) -> bytes:
        self.made += 1
        match entry.fact:
            case Message(author, text) | Action(author, text):
                return line("heard", log.name, author.nick, text)
            case Private(author, _, _, text):
                return line("heard", f"@{author.nick}", author.nick, text)
            case fact:
                return line("came", log.name, type(fact).__name__.lower())


class TabWire:
    """How one of them is spoken with; it knows where the last words went."""

    asks = False
    people = False
    lobby = True
    keepalive = b""
    lists = 3

    def __init__(self, format: TabFormat) -> None:
        self.format = format
        self._last: str | None = None

    def talk(self, lines: Sequence[object]) -> Talk:
        """Each line is read by itself."""
        return NO_TALK

    def read(self, line: str, expected: Expected = Expected.TALK) -> Parsed:
        match line.split("\t"):
            case ["say", room, text]:
                self._last = room or self._last
                return Say(text, Request(line, room=self._last))
            case ["do", name, *rest]:
                return Invoke(name, name, " ".join(rest), Request(line))
        raise BadInput("usage", say("say ROOM TEXT, or do COMMAND REST"))

    def answer(self, answer: Answer) -> bytes:
        return b"".join(line(*fields) for fields in self._answer(answer))

    def pages(self, history: History) -> Iterator[bytes]:
        yield self.answer(history)

    def _answer(self, answer: Answer) -> Iterator[tuple[str, ...]]:
        match answer:
            case Greeting():
                yield "hello", answer.server
            case Welcome():
                yield "in", answer.nick, answer.room, answer.code
            case Reply():
                yield "told", answer.command, " ".join(map(self.format.language.words, prose.sentences(answer.facts)))
            case Stored(reply=Reply() as reply):
                yield from self._answer(reply)
            case Problem():
                yield "no", answer.code, self.format.language.words(answer.sentence)
            case History():
                for room, entry in answer.entries:
                    if isinstance(entry.fact, Message):
                        yield "earlier", room, entry.fact.author.nick, entry.fact.text


@pytest.fixture
def world() -> World:
    return World(wires={**kinds(), "tabs": Kind(TabFormat, TabWire)})


def enter(world: World, nick: str) -> Client:
    """Somebody enters who speaks so."""
    client = world.connect(greeted=False)
    client.protocol.visit.speak("tabs")
    client.type(f"do\tnick\t{nick}")
    client.take()
    return client


def test_it_is_talked_with_all_others(world: World) -> None:
    ann = world.enter("ann")
    bob = enter(world, "bob")
    bob.type("say\t\thello\there", "say\t#lobby\t/quit now", "say\t\tand so on", "say\t@ann\tpsst", "say\t\tpsst")
    assert ann.take()[-4:] == ["<bob> /quit now", "<bob> and so on", "[bob -> you] psst", "[bob -> you] psst"]
    assert bob.take() == ["no\tusage\tsay ROOM TEXT, or do COMMAND REST"]
    ann.type("hello", "/me waves", "/msg bob hi", "/nick dee")
    assert bob.take() == [
        "heard\t#lobby\tann\thello",
        "heard\t#lobby\tann\twaves",
        "heard\t@ann\tann\thi",
        "came\t#lobby\trenamed",
    ]


def test_all_commands_are_there_as_they_are_told_to_everybody(world: World) -> None:
    world.enter("ann", "/join #ops", "hi")
    bob = enter(world, "bob")
    bob.type("do\tjoin\t#ops", "do\ttopic\t#ops tea at five", "do\tping\tx", "do\tqiut", "do\twhois\tnobody")
    told = bob.take()
    assert told[0] == "earlier\t#ops\tann\thi"
    assert told[1].startswith("told\tjoin\tYou speak in #ops now.")
    assert told[2:5] == [
        'told\ttopic\tTopic of #ops: "tea at five"',
        "told\tping\tpong x",
        "no\tunknown-command\tThere is no /qiut; is it /quit? To say it, type //qiut",
    ]
    assert told[5].startswith("no\tnot-here\t")


def test_it_comes_back_and_goes_on_in_another_language(world: World) -> None:
    ann = world.enter("ann")
    bob = world.connect(greeted=False)
    bob.protocol.visit.speak("tabs")
    bob.type("do\tnick\tbob", "do\tlanguage\tes", "do\tping")
    hello, welcome, *_ = bob.take()
    code = welcome.split("\t")[3]
    bob.cut()
    ann.type("hello")
    back = world.connect(greeted=False)
    back.protocol.visit.speak("tabs")
    back.type(f"do\tresume\t{code}", "do\tback")
    welcome = f"in\tbob\t#lobby\t{code}"
    assert back.take() == [hello, welcome, "heard\t#lobby\tann\thello", "told\tback\tEstás de vuelta."]


def test_what_is_the_same_for_many_is_made_once_for_them(world: World) -> None:
    readers = [enter(world, nick) for nick in ("bob", "carl", "dee")]
    ann = world.enter("ann")
    (format,) = {reader.protocol.visit.wire.format for reader in readers}
    for reader in readers:
        reader.take()
    before = format.made
    ann.type("hello")
    assert [reader.take() for reader in readers] == [["heard\t#lobby\tann\thello"]] * 3
    assert format.made == before + 1
