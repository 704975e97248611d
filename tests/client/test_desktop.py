"""Whether the desktop wants it dark: as its portal says, or GNOME's settings, where there are such programs."""

from pathlib import Path

import pytest

from chat.client.desktop import is_dark


@pytest.mark.parametrize(
    ("gdbus", "gsettings", "dark"),
    [
        ("(<<uint32 1>>,)", None, True),
        ("(<<uint32 2>>,)", "'prefer-dark'", False),
        ("Error: no such name", "'prefer-dark'", True),
        (None, "'default'", False),
        (None, None, False),
    ],
)
def test_it_is_as_the_desktop_says(
    gdbus: str | None, gsettings: str | None, dark: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in (("gdbus", gdbus), ("gsettings", gsettings)):
        if said is not None:
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{said}"\n')
            program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert is_dark() is dark
