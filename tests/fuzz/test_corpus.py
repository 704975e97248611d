"""What the fuzzers kept breaks nothing; that they can find something shows with a target that is broken on purpose."""

import pytest

from tests.fuzz import corpus, targets


@pytest.mark.parametrize("target", targets.TARGETS)
def test_no_kept_input_breaks_a_target(target: str) -> None:
    inputs = corpus.read(target)
    assert inputs
    for data in inputs:
        targets.TARGETS[target](data)
