"""The page of all commands says what the program's table says."""

import pytest
from commands_page import DOCS, TEXTS, page


@pytest.mark.parametrize("code", TEXTS)
def test_the_page_is_as_the_table(code: str) -> None:
    assert (DOCS / TEXTS[code][0]).read_text("utf-8") == page(code), "python tests/support/commands_page.py writes it"
