"""Directed graphs of package names: what is reached, on which way, and which nodes form cycles.

A graph is a mapping from each node to the nodes that it depends on. Nothing in this module is
recursive, since chains of dependencies may be long, and no result depends on the order of a set.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

Node = TypeVar("Node")


def walk(starts: Iterable[Node], neighbours: Callable[[Node], Iterable[Node]]) -> Iterator[Node]:
    """Each node that can be reached from ``starts``, once; the last one found comes first.

    ``neighbours`` is called after the caller has handled the node.
    """
    waiting = list(dict.fromkeys(starts))
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        yield node
        for other in neighbours(node):
            if other not in seen:
                seen.add(other)
                waiting.append(other)


def reachable(starts: Iterable[str], graph: Mapping[str, Iterable[str]]) -> set[str]:
    """``starts`` and all nodes that can be reached from them, as far as they are in ``graph``."""
    return {node for node in walk(starts, lambda node: graph.get(node, ())) if node in graph}


def shortest_paths(starts: Iterable[str], graph: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """For each node that can be reached the one before it on a shortest path from ``starts``.

    The starts themselves have none. Of several nodes at the same distance the first one counts, in
    the order of ``starts`` and of names.
    """
    before: dict[str, str] = {}
    waiting = deque(dict.fromkeys(starts))
    seen = set(waiting)
    while waiting:
        node = waiting.popleft()
        for other in sorted(set(graph.get(node, ())) - seen):
            seen.add(other)
            before[other] = node
            waiting.append(other)
    return before


def dependants(graph: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The graph with all edges turned round: for each node the sorted nodes that depend on it.

    Nodes that no other one depends on are left out, and a node is no dependant of itself.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for node in sorted(graph):
        for other in sorted(set(graph[node]) - {node}):
            found[other].append(node)
    return dict(found)


def components(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """The strongly connected components, dependencies first (Tarjan's algorithm)."""
    search = _Tarjan(graph)
    for start in sorted(graph):
        if start not in search.order:
            search.visit(start)
    return search.found


class _Tarjan:
    """R. Tarjan, Depth-first search and linear graph algorithms (1972)."""

    def __init__(self, graph: Mapping[str, Iterable[str]]) -> None:
        self._graph = graph
        #: When each node was visited first.
        self.order: dict[str, int] = {}
        #: The earliest node of its component that a node is known to reach.
        self._low: dict[str, int] = {}
        #: The visited nodes whose component is not complete, as a stack.
        self._open: dict[str, None] = {}
        self._path: list[tuple[str, Iterator[str]]] = []
        self.found: list[set[str]] = []

    def visit(self, start: str) -> None:
        """Find the components of all nodes that can be reached from ``start``."""
        self._enter(start)
        while self._path:
            node, neighbours = self._path[-1]
            other = next(neighbours, None)
            if other is None:
                self._leave(node)
            elif other not in self.order:
                self._enter(other)
            elif other in self._open:
                self._low[node] = min(self._low[node], self.order[other])

    def _enter(self, node: str) -> None:
        self.order[node] = self._low[node] = len(self.order)
        self._open[node] = None
        neighbours = sorted(other for other in self._graph[node] if other in self._graph)
        self._path.append((node, iter(neighbours)))

    def _leave(self, node: str) -> None:
        self._path.pop()
        if self._path:
            parent = self._path[-1][0]
            self._low[parent] = min(self._low[parent], self._low[node])
        if self._low[node] == self.order[node]:
            component: set[str] = set()
            while node not in component:
                component.add(self._open.popitem()[0])
            self.found.append(component)


def cycles(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """The components of several nodes: each of these nodes depends, in the end, on itself.

    A single node that depends on itself directly is none of them.
    """
    return [component for component in components(graph) if len(component) > 1]


@dataclass(frozen=True, slots=True)
class BrokenCycle:
    """A cycle that was broken: ``root`` now depends on all other ``members`` (sorted)."""

    root: str
    members: tuple[str, ...]


def without_cycles(
    graph: Mapping[str, Collection[str]],
) -> tuple[dict[str, set[str]], list[BrokenCycle]]:
    """A copy of the graph without cycles, in which a node that reached one member of a cycle from
    outside still reaches all of them.

    Per strongly connected component: the root is the member with most dependants outside of it
    (ties by name); it depends on every other member, and all other inner edges go. Outside
    dependants of any member depend on the root as well. Edges that leave the component stay.
    """
    edges = {node: set(others) - {node} for node, others in graph.items()}
    above = {node: set(others) for node, others in dependants(edges).items()}
    broken: list[BrokenCycle] = []
    for component in cycles(edges):
        # Edges are only ever added to a root of this component, so these counts stay true.
        outside = {member: above[member] - component for member in component}
        root = min(component, key=lambda member: (-len(outside[member]), member))
        for member in component:
            edges[member] -= component
            for dependant in outside[member]:
                edges[dependant].add(root)
        edges[root] |= component - {root}
        broken.append(BrokenCycle(root, tuple(sorted(component))))
    return edges, broken
