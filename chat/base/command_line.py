"""What the command lines of the programs share: help, and what is wrong with a word, in the language of whoever reads.

The language is looked for before anything else, for it may stand behind the word that is wrong, or behind `--help`.
"""

import getopt
import sys
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from twisted.python import usage

from chat import __version__
from chat.base.errors import Unfit, about
from chat.base.language import Language, Sentence, known_languages, language, say
from chat.base.nearest import nearest

_COLUMNS = 80
"""The narrowest of usual terminals."""


class Wrong(Unfit, usage.UsageError):
    """What is wrong with a word of the command line, and what would be right."""

    def __init__(self, what: str, reason: Sentence) -> None:
        super().__init__(about(what, reason))
        self.what = what
        self.reason = reason


def no_such_option(name: str, known: Collection[str]) -> Sentence:
    """What is said of an option that is none; `known` are names as `getopt` takes them."""
    if (near := nearest(name, [option.rstrip("=") for option in known])) is None:
        return say("there is no such option; --help lists them.")
    return say("there is no such option; is it {near}? --help lists all.", near=near)


def value_missing(option: str) -> Sentence:
    """What is said of an option that stands alone and should not."""
    return say("its value is missing, as in {option} VALUE.", option=option)


def no_value() -> Sentence:
    """What is said of an option that should stand alone."""
    return say("it takes no value.")


class CommandLine(usage.Options):
    """Options; what is wrong with them is `Wrong`."""

    program: ClassVar[str]
    """What the version is that of."""
    command: ClassVar[str]
    """What is typed before the options."""
    groups: ClassVar[Sequence[tuple[Sentence, Mapping[str, Sentence]]]]
    """All options, as the help lists them."""
    longdesc: ClassVar[Sentence]

    def __init__(self) -> None:
        super().__init__()
        self.language = language("en")

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """(usage.Options) Options may follow other words; raises `Wrong`."""
        words = list(sys.argv[1:] if options is None else options)
        self.speak(words)
        try:
            chosen, others = getopt.gnu_getopt(words, self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise self._slip(error, words) from None
        for option, value in chosen:
            # Of --port --language es the port is missing; a value that looks so is written as --name=--port.
            if value in words and self._is_option(value):
                raise Wrong(option, value_missing(option))
        ordered = [word for option, value in chosen for word in self._words_of(option, value)]
        super().parseOptions([*ordered, "--", *others])

    def _words_of(self, option: str, value: str) -> tuple[str, ...]:
        """An option as it was written, with its value if it takes one."""
        takes_value = self._takes_value(option[2:]) or f"{option[1:]}:" in self.shortOpt
        return (option, value) if takes_value else (option,)

    def _is_option(self, word: str) -> bool:
        return word.startswith("--") and word[2:].partition("=")[0] in [name.rstrip("=") for name in self.longOpt]

    def _takes_value(self, name: str) -> bool:
        return f"{name}=" in self.longOpt

    def speak(self, words: Sequence[str]) -> None:
        """Take the language that these words ask for, if they do, whatever is wrong with the others."""
        for option, value in map(self.meant, self.apart(words)):
            if option == "--language" and value in known_languages():
                self.language = language(value)

    def apart(self, words: Sequence[str]) -> Sequence[Sequence[str]]:
        """Each option of the command line with its value; a word by itself may be one that is none."""
        parts: list[Sequence[str]] = []
        rest = list(words)
        while rest:
            most = 1 if any(map(self._is_option, rest[1:2])) else 2
            size = next((size for size in range(1, most + 1) if self._is_whole(rest[:size])), 1)
            parts.append(rest[:size])
            unknown = size == 1 and not self._is_whole(rest[:1])
            del rest[:size]
            if unknown and rest and not rest[0].startswith("-"):
                del rest[0]  # what was to be its value
        return parts

    def _is_whole(self, words: Sequence[str]) -> bool:
        try:
            getopt.getopt(list(words), self.shortOpt, self.longOpt)
        except getopt.error:
            return False
        return True

    def meant(self, words: Sequence[str]) -> tuple[str, str]:
        """The option, by its whole name, and the value of what stands apart; empty where it is none."""
        try:
            found, _ = getopt.getopt(list(words), self.shortOpt, self.longOpt)
        except getopt.error:
            return "", ""
        return found[0] if found else ("", "")

    def _slip(self, error: getopt.GetoptError, words: Sequence[str]) -> Wrong:
        """What `getopt` found wrong, in words of ours."""
        if f"--{error.opt}" not in error.msg:
            option = f"-{error.opt}"
            if error.opt in self.shortOpt:
                return Wrong(option, value_missing(option))
            # -port is what people type who mean --port.
            written = next((word for word in words if word.startswith(option)), option)
            return Wrong(option, self._no_such(written))
        option = f"--{error.opt}"
        several = [name for name in self.longOpt if name.startswith(error.opt)]
        name = next((name for name in several if name.rstrip("=") == error.opt), several[0] if several else "")
        if not name:
            return Wrong(option, self._no_such(option))
        if len(several) > 1 and name.rstrip("=") != error.opt:
            options = tuple(f"--{name.rstrip('=')}" for name in several)
            return Wrong(option, say("that may be the beginning of {options}; write it out.", options=options))
        return Wrong(option, value_missing(option) if name.endswith("=") else no_value())

    def _no_such(self, written: str) -> Sentence:
        name = written.lstrip("-").partition("=")[0]
        return no_such_option(f"--{name}", [f"--{option}" for option in self.longOpt])

    def opt_help(self) -> None:
        """(usage.Options)"""
        sys.stdout.write(str(self))
        sys.exit(0)

    opt_h = opt_help

    def opt_version(self) -> None:
        """(usage.Options)"""
        sys.stdout.write(f"{self.program} {__version__}\n")
        sys.exit(0)

    def __str__(self) -> str:
        """The help."""
        words = self.language.words
        lines = [words(say("Usage: {command} [options]", command=self.command)), ""]
        lines += textwrap.wrap(words(self.longdesc), _COLUMNS)
        left = max(len(name) for _, group in self.groups for name in group) + 7
        for heading, group in self.groups:
            lines += ["", words(heading)]
            for name, sentence in group.items():
                lines += textwrap.wrap(
                    words(self._with_default(name, sentence)),
                    _COLUMNS,
                    initial_indent=f"  --{name}{'=' * self._takes_value(name)}".ljust(left),
                    subsequent_indent=" " * left,
                    break_on_hyphens=False,
                )
        return "\n".join([*lines, ""])

    def _with_default(self, name: str, sentence: Sentence) -> Sentence:
        default = self.defaults.get(name) if self._takes_value(name) else None
        if default is None:
            return sentence
        return say("{sentence} Default: {default}.", sentence=sentence, default=default)


def language_of(code: str) -> Language:
    """The language of this code; raises `Wrong` with those that there are."""
    if code not in known_languages():
        raise Wrong(f"--language {code}", say("choose from {known}.", known=", ".join(known_languages())))
    return language(code)
