"""Options of several servers that are one chat: what holds for all, what is told of, how a reload reaches others."""

from pathlib import Path
from typing import Any

import pytest
from cluster import Nodes

from chat.base import limits
from chat.base.errors import Unfit
from chat.base.language import language
from chat.core.nodes import OtherNodes
from chat.core.ports import NodeState, Record
from chat.server.node_options import RECORDS, SHARED, NodeOptions
from chat.server.options import Options
from chat.server.reload import RELOADED, Reload


def written(*words: str) -> Options:
    options = Options()
    options.parseOptions(list(words))
    return options


class Running:
    """One of the nodes, with the options of a file."""

    def __init__(self, nodes: Nodes, number: int, path: Path, text: str) -> None:
        self.world = nodes.worlds[number]
        self.store = nodes.stores[number]
        self.path = path / f"{number}.conf"
        self.path.write_text(text)
        options = written("--config", str(self.path))
        kept = nodes.cluster.kept(self.store.name)
        at = self.world.now()
        others = [
            NodeState(other.name, "1", at, at, 9, 0, 0, other.options, other.written)
            for other in nodes.stores
            if other.options
        ]
        self.options = NodeOptions(options, kept.records, others)
        self.applied: list[Options] = []
        OtherNodes(self.world.hub, self.store, kept, self.options.told)  # type: ignore[arg-type]
        warned = self.options.begin(self.world.hub, self.applied.append, self._introduce, {"certificate": "SHA256:1"})
        self.warned = [language("en").words(sentence) for sentence in warned]
        self.read_again = Reload(options, self.options.reloaded)
        nodes.settle()

    def _introduce(self, holds: Any, written: Any) -> None:
        self.store.options, self.store.written = dict(holds), dict(written)

    def with_file(self, text: str) -> None:
        self.path.write_text(text)
        self.read_again()

    def __getitem__(self, name: str) -> Any:
        return self.options.holding[name]


@pytest.fixture
def nodes() -> Nodes:
    return Nodes(2)


def test_what_is_shared_can_be_reloaded() -> None:
    assert set(SHARED) < set(RELOADED)


def test_who_comes_later_takes_what_holds_and_names_what_differs(nodes: Nodes, tmp_path: Path) -> None:
    Running(nodes, 0, tmp_path, "grace 60\nkeep 30d\nban 192.0.2.0/24\nname pi\nreserved boss\n")
    second = Running(nodes, 1, tmp_path, "grace 90\nkeep 30d\nlanguage es\n")
    assert (second["grace"], second["name"]) == (60, "pi")
    assert [str(network) for network in second["bans"]] == ["192.0.2.0/24"]
    assert second["reserved"] == {"boss"}
    assert second.warned == [
        "--grace is 90 here and 60 on the other nodes: theirs holds until it is written otherwise here and read again "
        "(/admin reload).",
        "--ban is - here and 192.0.2.0/24 on the other nodes: theirs holds until it is written otherwise here and read "
        "again (/admin reload).",
        "--reserved is - here and boss on the other nodes: theirs holds until it is written otherwise here and read "
        "again (/admin reload).",
        "language differs: es here, en on node0. People see another chat there; give all nodes the same.",
    ]


def test_who_starts_first_puts_what_is_written(nodes: Nodes, tmp_path: Path) -> None:
    Running(nodes, 0, tmp_path, "grace 60\n")
    nodes.stores[0].options = {}  # it is not there any more
    second = Running(nodes, 1, tmp_path, "grace 90\n")
    assert second.warned == []
    assert second["grace"] == 90
    assert nodes.cluster.records[RECORDS, "grace"].value == "90"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("grace 7", "grace"),
        ("keep 5000lines", "keep"),
        ("ban 10.0.0.0/8", "bans"),
        ("registered-only", None),
        ("name pi", "name"),
        ("rate 0.5", "rate"),
        ("history 3", "history"),
        ("for open", "for"),
    ],
)
def test_a_reload_reaches_the_others(nodes: Nodes, tmp_path: Path, line: str, name: str | None) -> None:
    first, second = (Running(nodes, number, tmp_path, "name x\n") for number in range(2))
    first.with_file(f"name x\n{line}\n")
    nodes.settle()
    name = name or line
    assert second[name] == first[name] != written()[name]
    assert second.applied[-1][name] == first[name]


def test_a_message_of_the_day_is_taken_over_with_what_it_says(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("hello\nthere\n")
    Running(nodes, 0, tmp_path, f"motd {tmp_path}/motd\n")
    assert Running(nodes, 1, tmp_path, "")["motd"] == ("hello", "there")


def test_a_reload_for_another_reason_changes_nothing_for_the_others(nodes: Nodes, tmp_path: Path) -> None:
    first = Running(nodes, 0, tmp_path, "grace 60\n")
    second = Running(nodes, 1, tmp_path, "grace 90\n")
    second.with_file("grace 90\n")
    second.with_file("grace 90\nmin-free 1GB\n")
    nodes.settle()
    assert (first["grace"], second["grace"]) == (60, 60)
    second.with_file("grace 91\n")
    nodes.settle()
    assert (first["grace"], second["grace"]) == (91, 91)
    assert nodes.stores[1].written["grace"] == "91"


def test_two_reloads_at_the_same_moment_end_alike_on_both(nodes: Nodes, tmp_path: Path) -> None:
    first, second = (Running(nodes, number, tmp_path, "") for number in range(2))
    nodes.slow = True
    first.with_file("grace 5\nhistory 9\n")
    second.with_file("grace 6\nrate 1\n")
    nodes.settle()
    assert first["grace"] == second["grace"]
    assert (first["history"], second["history"], first["rate"], second["rate"]) == (9, 9, 1, 1)


def test_what_the_database_did_not_take_is_put_again(nodes: Nodes, tmp_path: Path) -> None:
    first, second = (Running(nodes, number, tmp_path, "") for number in range(2))
    nodes.cluster.refusals = 2
    first.with_file("grace 5\n")
    nodes.settle()
    assert second["grace"] == limits.GRACE_SECONDS
    nodes.wait(3 * limits.BEAT_SECONDS)
    assert second["grace"] == 5


def test_what_another_node_put_meanwhile_is_not_put_back(nodes: Nodes, tmp_path: Path) -> None:
    first, second = (Running(nodes, number, tmp_path, "") for number in range(2))
    nodes.cluster.refusals = 1
    first.with_file("grace 5\n")
    nodes.settle()
    second.with_file("grace 6\n")
    nodes.wait(3 * limits.BEAT_SECONDS)
    assert (first["grace"], second["grace"]) == (6, 6)


def test_one_that_would_keep_what_the_other_says_is_not_kept_does_not_start(nodes: Nodes, tmp_path: Path) -> None:
    Running(nodes, 0, tmp_path, "unrecorded #ops\n")
    with pytest.raises(Unfit) as caught:
        Running(nodes, 1, tmp_path, "unrecorded #tea\n")
    assert str(caught.value) == (
        "--unrecorded: #tea here and #ops on node0: one would keep what the other says is not kept. Give all nodes the "
        "same, or stop the others first."
    )


@pytest.mark.parametrize("record", [Record(RECORDS, "grace", "{"), Record(RECORDS, "later", "1")])
def test_what_a_later_version_put_is_left_alone(nodes: Nodes, tmp_path: Path, record: Record) -> None:
    first = Running(nodes, 0, tmp_path, "grace 60\n")
    first.options.told(record)
    assert first["grace"] == 60
