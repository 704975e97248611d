"""What a store promises that several servers use (`SharedStore`), as the one of the tests keeps it."""

from collections.abc import Sequence

import pytest
from database import batch, lines, person, session
from nodes import Cluster, Node

from chat.base.errors import TakenForGone
from chat.core.ports import Batch, Claim, Duplicates, Elsewhere, Numbered, Unheard
from chat.log.events import Place

BOB = person("bob")
HERE = session("p1")


class Told:
    """A node, and in which order it was told of what others stored and what became of what it stored itself."""

    def __init__(self, store: Node) -> None:
        self.store = store
        self.heard: list[object] = []
        store.follow(self.heard.append)

    def commit(self, batch: Batch) -> None:
        self.store.commit(batch).addBoth(lambda result: self.heard.append(getattr(result, "value", result)))

    def listen(self) -> Sequence[object]:
        """All that it is to be told of by now."""
        self.store.slow = False
        while self.store.comes:
            self.store.let()
        self.store.slow = True
        heard, self.heard = self.heard, []
        self.store.follow(self.heard.append)
        return heard


@pytest.fixture
def two() -> tuple[Told, Told]:
    cluster = Cluster()
    stores = cluster.node(), cluster.node()
    for store in stores:
        store.slow = True
    return Told(stores[0]), Told(stores[1])


def test_what_two_propose_for_the_same_places_gets_places_one_after_the_other(two: tuple[Told, Told]) -> None:
    one, other = two
    one.commit(batch(lines("a", "b")))
    other.commit(batch(lines("c")))
    numbered, elsewhere = one.listen()
    first, second = other.listen()
    assert isinstance(numbered, Numbered)
    assert isinstance(second, Numbered)
    assert isinstance(elsewhere, Elsewhere)
    assert isinstance(first, Elsewhere)
    assert (numbered.firsts, second.firsts) == ({"#lobby": 1}, {"#lobby": 3})
    assert [entry.seq for entry in first.appended[0].entries] == [1, 2]
    assert [entry.seq for entry in elsewhere.appended[0].entries] == [3]
    assert elsewhere.appended[0].entries[0].at == second.at >= numbered.at
    assert (first.node, elsewhere.node) == (one.store.node, other.store.node)


def test_a_nickname_is_who_claimed_it_first_and_what_looks_like_it_too(two: tuple[Told, Told]) -> None:
    one, other = two
    one.commit(batch()._replace(claims=[Claim("p1", "bob")]))
    alike = Claim("p2", "b\u043eb")
    other.commit(batch(lines("a"))._replace(claims=[alike, Claim("p3", "carl")]))
    told, numbered = other.listen()
    assert isinstance(told, Elsewhere)
    assert isinstance(numbered, Numbered)
    assert (told.claims, numbered.taken) == ([Claim("p1", "bob")], {alike: "bob"})
    _, elsewhere = one.listen()
    assert isinstance(elsewhere, Elsewhere)
    assert elsewhere.claims == [Claim("p3", "carl")]
    one.commit(batch()._replace(claims=[Claim("p1", None)]))
    other.commit(batch()._replace(claims=[alike]))
    assert other.listen()[-1].taken == {}  # type: ignore[attr-defined]


def test_what_another_stored_unheard_of_somebody_is_not_overwritten(two: tuple[Told, Told]) -> None:
    one, other = two
    one.commit(batch(people={"p1": BOB}))
    other.commit(batch(lines("a"), people={"p1": BOB._replace(away="tea"), "p2": BOB}))
    told, numbered = other.listen()
    assert isinstance(told, Elsewhere)
    assert isinstance(numbered, Numbered)
    assert (dict(told.remembered.people), set(numbered.outdated)) == ({"p1": BOB}, {"p1"})
    *_, elsewhere = one.listen()
    assert isinstance(elsewhere, Elsewhere)
    assert [*elsewhere.remembered.people] == ["p2"]
    other.commit(batch(people={"p1": BOB._replace(away="milk")}))
    (again,) = other.listen()
    assert isinstance(again, Numbered)
    assert not again.outdated


def test_that_somebody_came_or_went_is_not_kept_where_another_stored_something_of_them_unheard(
    two: tuple[Told, Told],
) -> None:
    one, other = two
    one.commit(batch(people={"p1": BOB}))
    moved = batch(lines("a"), people={"p1": BOB._replace(away="tea")})._replace(moved={"p1"})
    other.commit(moved)
    told, refused = other.listen()
    assert isinstance(told, Elsewhere)
    assert isinstance(refused, Unheard)
    other.commit(moved)
    (numbered,) = other.listen()
    assert isinstance(numbered, Numbered)
    assert not numbered.outdated


def test_who_is_gone_is_not_brought_back_by_one_that_has_not_heard_of_it(two: tuple[Told, Told]) -> None:
    one, other = two
    one.commit(batch(people={"p1": BOB}))
    other.listen()
    one.commit(batch(people={"p1": None}))
    other.commit(batch(people={"p1": BOB}))
    assert set(other.listen()[-1].outdated) == {"p1"}  # type: ignore[attr-defined]
    assert not one.store.cluster.kept("node0").remembered.people


def test_a_batch_with_a_line_that_was_stored_elsewhere_is_refused_whole(two: tuple[Told, Told]) -> None:
    one, other = two
    a = lines("a")
    mine = batch(a, ids=[("c1", Place("#lobby", "#LOBBY", 1, a.entries[0].at))])
    one.commit(mine)
    other.commit(mine._replace(claims=[Claim("p1", "bob")]))
    told, refused = other.heard[-1:], other.listen()
    assert isinstance(told[0], Duplicates)
    assert [known.place.seq for known in told[0].known.values()] == [1]
    assert not [heard for heard in refused if isinstance(heard, Numbered)]
    assert not one.store.cluster.names.find("bob")


def test_sessions_of_a_node_that_is_not_there_are_another_ones_without_a_connection(two: tuple[Told, Told]) -> None:
    one, other = two
    one.commit(batch(people={"p1": BOB}, sessions={"d1": HERE}))
    one.listen(), other.listen()
    one.store.cluster.lapsed.add("node0")
    assert other.store.beat(0).result == ["node0"]  # type: ignore[attr-defined]
    other.store.adopt("node0")
    for node in two:
        (told,) = node.listen()
        assert isinstance(told, Elsewhere)
        assert (told.adopted, told.node) == ("node0", "node1")
        assert list(told.ended) == ["d1"]
    assert one.store.cluster.kept("node0").elsewhere == {"d1": "node1"}


def test_one_that_was_given_up_writes_nothing_until_it_was_told(two: tuple[Told, Told]) -> None:
    one, other = two
    one.store.cluster.lapsed.add("node0")
    other.store.adopt("node0")
    one.commit(batch(lines("late")))
    adopted, refused = one.listen()
    assert isinstance(adopted, Elsewhere)
    assert isinstance(refused, TakenForGone)
    one.commit(batch(lines("now")))
    assert isinstance(one.listen()[-1], Numbered)
    texts = [entry.fact.text for entry in one.store.cluster.entries["#lobby"]]  # type: ignore[attr-defined]
    assert texts == ["now"]


def test_one_that_says_in_time_that_it_is_there_is_not_given_up(two: tuple[Told, Told]) -> None:
    one, other = two
    one.store.cluster.lapsed.add("node0")
    one.store.beat(0)
    other.store.adopt("node0")
    assert not one.listen()
    one.commit(batch(lines("here")))
    assert isinstance(one.listen()[-1], Numbered)
