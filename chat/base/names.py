"""Which nickname or room name is allowed, and what is proposed instead of one that is not.

When two of them are the same is said by `chat.base.lookalikes`, which are kept for the service by `chat.base.reserved`.
"""

import unicodedata
from collections.abc import Callable

from chat.base import resume_codes
from chat.base.errors import Refused
from chat.base.language import Sentence, say
from chat.base.letters import (
    EDGES,
    is_blank,
    is_digit,
    is_letter,
    is_unseen,
    may_stand,
    may_stand_elsewhere,
    shown,
    stacks,
)
from chat.base.limits import MARKS, NAME_READ, NICKNAME, NICKNAME_COLUMNS, NUMBERED_NAMES, ROOM, ROOM_COLUMNS
from chat.base.lookalikes import fold
from chat.base.reserved import RESERVED, Reserved

__all__ = ["check_nickname", "check_room", "fold", "looks_like_code", "propose"]


def check_nickname(text: str) -> str:
    """The nickname in its normal form (NFC); raises `Refused` with the rule that it breaks."""
    name = unicodedata.normalize("NFC", text[:NAME_READ])
    if not name:
        raise Refused("nick-bad", say("A nickname is missing."))
    if wrong := _wrong_with(name, NICKNAME, NICKNAME_COLUMNS):
        raise Refused("nick-bad", wrong)
    if not is_letter(name[0]):
        raise Refused("nick-bad", say("A nickname begins with a letter, not with {sign}.", sign=shown(name[0])))
    if looks_like_code(name):
        raise Refused("nick-reserved", say("That looks like a resume code, and a nickname must not."))
    return name


def check_room(text: str) -> str:
    """The room's name, with its #, in its normal form (NFC); raises `Refused` with the rule that it breaks."""
    name = unicodedata.normalize("NFC", text[:NAME_READ])
    bare = name.removeprefix("#")
    if bare and (wrong := _wrong_with(bare, ROOM, ROOM_COLUMNS)):
        raise Refused("room-bad", wrong)
    if not bare or not (is_letter(bare[0]) or is_digit(bare[0])):
        raise Refused(
            "room-bad",
            say(
                "A room's name is # and 1 to {most} letters, digits, - _ or . and begins with a letter or a digit.",
                most=ROOM,
            ),
        )
    if bare == name:
        raise Refused("room-bad", say("A room's name begins with #. Try {room}", room=f"#{bare}"))
    return name


def looks_like_code(text: str) -> bool:
    """Whether this is like a resume code, or has one in it, in any case, with its dash or without."""
    return resume_codes.stands_in(fold(text))


def propose(text: str, is_free: Callable[[str], bool], reserved: Reserved = RESERVED) -> str:
    """A nickname that is allowed and free, and near to the text: itself, or with a number, or else a guest's.

    A guest's name is reserved for proposals.
    """

    def is_possible(name: str) -> bool:
        try:
            return check_nickname(name) not in reserved and is_free(name)
        except Refused:
            return False

    # What somebody who came back wrote in a wrong way would show their code to everybody, or most of it.
    stem = "" if looks_like_code(text) else _stem(text)
    if is_possible(stem):
        return stem
    # A reserved word is no name with a number behind it either.
    if stem and stem not in reserved:
        dash = "-" if stem[-1].isdecimal() else ""
        number = _free_number(2, lambda number: is_possible(_fitting(stem, f"{dash}{number}")))
        if number:
            return _fitting(stem, f"{dash}{number}")
    number = _free_number(1, lambda number: is_free(f"{reserved.guest}{number}"))
    if number:
        return f"{reserved.guest}{number}"
    raise Refused("busy", say("No nickname is free."))


def _wrong_with(name: str, most: int, columns: int) -> Sentence | None:
    """Which rule of all names this one breaks, None where it breaks none."""
    pile = 0
    for place, char in enumerate(name):
        if is_blank(char):
            return say("A name has no blanks in it.")
        pile = pile + 1 if stacks(char) else 0
        if pile > MARKS:
            return say("A name has at most {most} marks on one letter.", most=MARKS)
        if not may_stand(name, place):
            if may_stand_elsewhere(char):
                return say("In a name {sign} stands between letters only.", sign=shown(char))
            return say("A name has no {sign} in it: letters, digits, - _ . and apostrophes.", sign=shown(char))
    if len(name) > most:
        return say("A name has at most {most} letters.", most=most)
    if _columns(name) > columns:
        return say("A name is at most {columns} columns wide.", columns=columns)
    return None


def _columns(name: str) -> int:
    if name.isascii():
        return len(name)
    from wcwidth import wcswidth  # 40 ms, which a server of Western names never needs

    return wcswidth(name)


def _stem(text: str) -> str:
    """What of a text can be a nickname: what nobody sees is left out, blanks and other signs become dashes."""
    name = unicodedata.normalize("NFC", text[:NAME_READ])
    kept = [char if may_stand(name, place) else "" if is_unseen(char) else " " for place, char in enumerate(name)]
    stem = "-".join("".join(kept).split())
    while stem and not (is_letter(stem[0]) and may_stand(stem, 0)):
        stem = stem[1:]
    return _fitting(stem, "")


def _fitting(stem: str, number: str) -> str:
    """The stem, cut so that the number fits behind it."""
    stem = stem[: NICKNAME - len(number)]
    while _columns(stem + number) > NICKNAME_COLUMNS:
        stem = stem[:-1]
    return stem.rstrip(EDGES) + number


def _free_number(first: int, is_free: Callable[[int], bool]) -> int | None:
    """A free number: the lowest, if there are no gaps; asks for a few only, for there may be thousands of guests."""
    taken, free = first - 1, first
    while not is_free(free):
        if free > NUMBERED_NAMES:
            return None
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        if is_free(middle):
            free = middle
        else:
            taken = middle
    return free
