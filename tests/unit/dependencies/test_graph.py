"""Graphs of packages: reachability, shortest paths, components and cycles."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.dependencies.graph import (
    BrokenCycle,
    components,
    cycles,
    dependants,
    reachable,
    shortest_paths,
    walk,
    without_cycles,
)

NAMES = [f"p{number}" for number in range(9)]
GRAPHS = st.fixed_dictionaries(
    {name: st.sets(st.sampled_from(NAMES), max_size=4) for name in NAMES}
)
STARTS = st.lists(st.sampled_from(NAMES), max_size=3)

Graph = Mapping[str, Collection[str]]


def steps(graph: Graph) -> dict[tuple[str, str], int]:
    """The plain twin: by pair of nodes the length of a shortest path of at least one edge."""
    far = len(graph) + 1
    length = {
        (start, goal): 1 if goal in graph[start] else far for start in graph for goal in graph
    }
    for middle in graph:
        for start in graph:
            for goal in graph:
                way = length[start, middle] + length[middle, goal]
                length[start, goal] = min(length[start, goal], way)
    return {pair: steps for pair, steps in length.items() if steps < far}


def reached(graph: Graph, starts: Collection[str]) -> set[str]:
    length = steps(graph)
    return {node for node in graph if any((start, node) in length for start in starts)} | set(
        starts
    )


# -- reachability


@given(GRAPHS, STARTS)
def test_what_is_reachable(graph: Graph, starts: list[str]) -> None:
    assert reachable(starts, graph) == reached(graph, starts)


def test_names_without_an_entry_are_not_reached() -> None:
    assert reachable(["a", "x"], {"a": ["b", "y"], "b": []}) == {"a", "b"}


def test_walk_takes_the_last_node_found_first_and_each_once() -> None:
    graph = {"a": ["b", "c"], "b": ["a", "d"], "c": ["d", "b", "e"], "d": [], "e": []}
    assert list(walk(["a", "a"], lambda node: graph[node])) == ["a", "c", "e", "d", "b"]


def test_walk_asks_for_neighbours_after_a_node_was_handled() -> None:
    graph: dict[str, list[str]] = {"a": []}
    found = []
    for node in walk(["a"], lambda node: graph.get(node, [])):
        found.append(node)
        if node == "a":
            graph["a"].append("b")
    assert found == ["a", "b"]


@given(GRAPHS, STARTS)
def test_shortest_paths(graph: Graph, starts: list[str]) -> None:
    length = steps(graph)
    before = shortest_paths(starts, graph)
    assert before.keys() == reached(graph, starts) - set(starts)
    for goal in before:
        node, count = goal, 0
        while node not in starts:
            assert node in graph[before[node]]
            node, count = before[node], count + 1
        assert count == min(length[start, goal] for start in starts if (start, goal) in length)


def test_of_equal_paths_the_order_of_starts_and_names_decides() -> None:
    graph = {"z": ["goal"], "y": ["goal", "b", "a"], "a": ["deep"], "b": ["deep"]}
    assert shortest_paths(["z", "y"], graph) == {"goal": "z", "a": "y", "b": "y", "deep": "a"}
    assert shortest_paths(["y", "z"], graph)["goal"] == "y"


@given(GRAPHS)
def test_dependants_are_the_edges_turned_round(graph: Graph) -> None:
    found = dependants(graph)
    pairs = {(node, other) for other, nodes in found.items() for node in nodes}
    assert pairs == {(node, other) for node in graph for other in graph[node] if other != node}
    assert all(nodes == sorted(set(nodes)) != [] for nodes in found.values())


# -- components


@given(GRAPHS)
def test_members_of_a_component_reach_each_other(graph: Graph) -> None:
    length = steps(graph)
    found = components(graph)
    assert sorted(node for component in found for node in component) == sorted(graph)
    for component in found:
        for member in component:
            mutual = {node for node in graph if {(member, node), (node, member)} <= length.keys()}
            assert component == mutual | {member}
    assert cycles(graph) == [component for component in found if len(component) > 1]


@given(GRAPHS)
def test_components_come_after_what_they_depend_on(graph: Graph) -> None:
    seen: set[str] = set()
    for component in components(graph):
        seen |= component
        assert all(set(graph[member]) <= seen for member in component)


@given(GRAPHS, st.permutations(NAMES))
def test_the_order_of_the_nodes_decides_nothing(graph: Graph, order: list[str]) -> None:
    again = {name: graph[name] for name in order}
    assert components(again) == components(graph)
    assert without_cycles(again) == without_cycles(graph)


def test_components_leave_out_names_without_an_entry() -> None:
    assert components({"a": ["x", "b"], "b": ["a"]}) == [{"a", "b"}]


# -- cycles


def test_a_cycle_of_two() -> None:
    graph, broken = without_cycles({"a": {"b"}, "b": {"a"}})
    assert graph == {"a": {"b"}, "b": set()}
    assert broken == [BrokenCycle("a", ("a", "b"))]


def test_a_package_that_needs_itself_is_no_cycle() -> None:
    assert without_cycles({"a": {"a"}}) == ({"a": set()}, [])


def test_a_cycle_of_five() -> None:
    ring = {
        "m1": {"m2"},
        "m2": {"m3", "lib"},
        "m3": {"m4"},
        "m4": {"m5"},
        "m5": {"m1"},
        "lib": {"deep"},
        "deep": set(),
    }
    outside = {"one": {"m4"}, "two": {"m4"}, "three": {"m2"}}
    graph, broken = without_cycles({**ring, **outside})
    assert graph["m4"] == {"m1", "m2", "m3", "m5"}  # most dependants outside of the ring
    assert graph["m2"] == {"lib"}  # what leaves the ring stays
    assert [graph[name] for name in ("m1", "m3", "m5")] == [set()] * 3
    assert graph["three"] == {"m2", "m4"}  # what needs one member gets them all
    assert graph["one"] == {"m4"}
    assert graph["lib"] == {"deep"}
    assert [cycle.root for cycle in broken] == ["m4"]


def test_ties_go_by_name() -> None:
    graph, _ = without_cycles({"b": {"a"}, "a": {"b"}, "x": {"a"}, "y": {"b"}})
    assert graph == {"a": {"b"}, "b": set(), "x": {"a"}, "y": {"a", "b"}}


def test_two_cycles_that_meet_in_one_edge() -> None:
    graph, broken = without_cycles({"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}})
    assert graph == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert [cycle.members for cycle in broken] == [("c", "d"), ("a", "b")]


def test_a_long_chain_is_no_depth() -> None:
    chain = {f"p{number}": {f"p{number + 1}"} for number in range(5000)}
    graph, broken = without_cycles({**chain, "p5000": set()})
    assert graph["p0"] == {"p1"}
    assert broken == []
    assert len(reachable(["p0"], graph)) == len(shortest_paths(["p0"], graph)) + 1 == 5001
    graph, _ = without_cycles({**chain, "p5000": {"p0"}})
    assert len(graph["p0"]) == 5000


@given(GRAPHS)
def test_breaking_cycles_loses_nothing_for_those_outside(depends: dict[str, set[str]]) -> None:
    before = {name: set(names) for name, names in depends.items()}
    graph, broken = without_cycles(depends)
    assert depends == before  # the argument is left alone
    length, left = steps(before), steps(graph)
    for name in graph:
        old = {node for node in graph if (name, node) in length}
        new = {node for node in graph if (name, node) in left}
        assert name not in new
        assert new <= old  # nothing is loaded that was not needed
        if not any((node, name) in length for node in old - {name}):
            assert new == old - {name}
    for cycle in broken:
        root = {node for node in graph if (cycle.root, node) in left}
        assert root == {node for node in graph if (cycle.root, node) in length} - {cycle.root}


@given(GRAPHS)
def test_without_cycles_nothing_changes(depends: dict[str, set[str]]) -> None:
    acyclic = {name: {other for other in names if other > name} for name, names in depends.items()}
    assert without_cycles(acyclic) == (acyclic, [])
