"""Lines for whoever listens to them: marks are words, a frame is one short line, and no day is named unasked."""

from collections.abc import Callable

from chat.base.language import Sentence, say
from chat.base.text import visible
from chat.client.talk.conversation import LineKind, Shown
from chat.client.talk.objects import Said


def spoken(shown: Shown, words: Callable[[Sentence], str]) -> list[str]:
    """A line as it is read out; none for what only frames others.

    What somebody says begins with their nickname and nothing that the service says does so: a nickname that is one of
    its words stands in brackets.
    """
    if shown.kind is LineKind.TALK and isinstance(shown.source, Said):
        first, *more = shown.text.split("\n")
        return [_who(first, shown.source, words), *(f"  {row.partition('| ')[2]}" for row in more)]
    if shown.kind is LineKind.ERROR:
        return [words(say("error: {text}", text=shown.text))]
    if shown.kind is LineKind.FRAME and shown.day is not None:
        return []
    return [shown.text]


def _who(first: str, said: Said, words: Callable[[Sentence], str]) -> str:
    """The first row of a message, which begins as `Conversation` writes it."""
    if said.to is not None:
        text = first.partition("] ")[2]
        if said.room == f"@{said.to}" and said.author != said.to:
            return words(say("private to {nick}: {text}", nick=visible(said.to), text=text))
        return words(say("private from {nick}: {text}", nick=visible(said.author), text=text))
    room = f"{said.room} " if first.startswith(f"{said.room} ") else ""
    rest = first.removeprefix(room)
    if said.action:
        return f"{room}* {rest.removeprefix('* ')}"
    nick, _, text = rest.removeprefix("<").partition("> ")
    named = f"<{nick}>" if nick.casefold() in _OURS else f"{nick}:"
    return f"{room}{named} {text}"


_OURS = frozenset({"error", "private"})
