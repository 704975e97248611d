"""The trace of a line's way, which is measured by hand, finds the way."""

from pathlib import Path

from world import World

import chat
from tests.trace import ways


def test_it_goes_from_the_bytes_that_came_to_those_that_go_out() -> None:
    for line, trace in ways(World, Path(chat.__file__).parent):
        assert trace.calls[0] == ("doors/tcp.py", "dataReceived"), line
        assert ("doors/output.py", "send") in trace.calls, line
        assert 0 < trace.moves < len(trace.calls), line


def test_a_line_that_comes_by_itself_goes_through_few_functions() -> None:
    """Where lines are rare every cache is cold, and each other function on the way costs 2 us and more."""
    (_, said), *_ = ways(World, Path(chat.__file__).parent)
    assert len(said.calls) <= 50
