"""The file with the operator's code: nobody else's, another one at each start, gone when it was used."""

import os
from pathlib import Path

import pytest

from chat.base import resume_codes
from chat.server import operator_code


def code_in(path: Path) -> str:
    (line,) = path.read_text().splitlines()
    assert resume_codes.short(line) == line
    return line


def test_the_file_is_ours_alone_and_holds_the_code(tmp_path: Path) -> None:
    path = tmp_path / operator_code.NAME
    code = operator_code.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert code.matches(code_in(path))
    assert not code.matches("A2B3C-D4E5F")
    assert code_in(path) not in repr(vars(code))
    code.used()
    assert list(tmp_path.iterdir()) == []
    code.used()


def test_what_lay_there_is_neither_believed_nor_written_to(tmp_path: Path) -> None:
    path, other = tmp_path / operator_code.NAME, tmp_path / "other"
    other.write_text("K7F2Q-X9M4T\n")
    path.symlink_to(other)
    code = operator_code.make(path)
    assert not path.is_symlink()
    assert not code.matches("K7F2Q-X9M4T")
    assert other.read_text() == "K7F2Q-X9M4T\n"
    first = code_in(path)
    assert not operator_code.make(path).matches(first)


def test_where_no_file_can_be_made_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / operator_code.NAME).mkdir()
    with pytest.raises(IsADirectoryError):
        operator_code.make(tmp_path / operator_code.NAME)
    assert os.listdir(tmp_path) == [operator_code.NAME]
