"""The wire of pages: what it frames is what the wire of programs says, object for object."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import Page, frames, open_web
from world import World

from chat.wire.framed import TEXT, frame


@given(st.binary(max_size=300))
def test_a_frame_holds_what_was_put_in(payload: bytes) -> None:
    assert frames(frame(payload)) == [(TEXT, payload)]


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_each_length_is_told_in_its_way(size: int) -> None:
    assert frames(frame(bytes(size))) == [(TEXT, bytes(size))]


def test_all_who_read_alike_get_the_same_bytes(world: World) -> None:
    open_web(world)
    pages = [Page(world, f"/nick page{number}") for number in range(3)]
    ann = world.enter("ann", wire="json echo")
    for reader in (*pages, ann):
        reader.take()
    world.enter("ben", "one", "¡dos!")
    told = [page.bytes for page in pages]
    assert told[0] == told[1] == told[2]
    assert pages[0].objects == ann.objects


def test_a_long_history_is_one_message_in_parts(world: World) -> None:
    open_web(world)
    world.enter("ben", *(f"line {number}" for number in range(200)))
    page = Page(world, "/nick zoe")
    page.take()
    page.tell({"line": "/last 150"})
    kinds = [kind for kind, _ in page.frames]
    assert kinds[0] == 0x01
    assert kinds[-1] == 0x80
    assert set(kinds[1:-1]) == {0x00}
    whole = b"".join(payload for _, payload in page.frames)
    assert whole.startswith(b'{"type":"history"')
    assert whole.count(b'"text":"line ') == 150
