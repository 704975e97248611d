"""What is said in a storm: lines that nobody else says, with what is easily broken on the way."""

from random import Random

LETTERS = "bcdfghkmpqstvxz"
"""Of these nobody can make two nicknames that look alike."""

_WORDS = (
    "alfa", "bravo", "Ünal", "größer", "日本", "שלום", "naïve", "🙂", "œuvre", "papá", "<b>", "//", "|", "'", "&",
    "\\", ";", "end",
)  # fmt: skip


def text_of(name: str, number: int, random: Random, lines: bool = False) -> str:
    """A line of this life, now and then a long one, or one of several."""
    words = " ".join(random.choices(_WORDS, k=random.choice([2, 2, 5, 5, 10, 150])))
    more = "\nand\n\tmore" if lines and random.random() < 0.1 else ""
    return f"({name}:{number}) {words}{more}"


def letters(number: int) -> str:
    """A number as letters."""
    return (letters(number // len(LETTERS)) if number >= len(LETTERS) else "") + LETTERS[number % len(LETTERS)]
