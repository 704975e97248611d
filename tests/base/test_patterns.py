"""A pattern that is compiled when it is first used is used as any other."""

import re

import pytest

from chat.base.patterns import pattern


def test_it_finds_what_a_compiled_one_finds() -> None:
    later, at_once = pattern("(a)(b)?", re.IGNORECASE), re.compile("(a)(b)?", re.IGNORECASE)
    for text in ("AB", "xa", "", "aab"):
        assert str(later.search(text)) == str(at_once.search(text))
        assert str(later.fullmatch(text)) == str(at_once.fullmatch(text))
        assert later.findall(text) == at_once.findall(text)
        assert later.sub(r"\1", text) == at_once.sub(r"\1", text)
    assert (later.pattern, later.flags, later.groups) == (at_once.pattern, at_once.flags, at_once.groups)
    assert pattern(rb"\xff").match(b"\xff")


def test_it_is_compiled_once_and_not_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def compile(text: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(text)
        return at_once(text, flags)

    at_once = re.compile
    monkeypatch.setattr(re, "compile", compile)
    later = pattern("a")
    assert not compiled
    assert later.match("a")
    assert later.search("ba")
    assert compiled == ["a"]


def test_what_a_compiled_one_has_not_it_has_not() -> None:
    with pytest.raises(AttributeError):
        pattern("a").matches  # type: ignore[attr-defined]  # noqa: B018
