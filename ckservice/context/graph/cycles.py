"""Cycles in a directed graph: one for each knot of nodes that can all reach each other."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

_Successors = Mapping[str, Sequence[str]]


def cycles(successors: _Successors) -> list[list[str]]:
    """A shortest cycle for each strongly connected component that has one, from the smallest node in the component.

    Each cycle lists its nodes once, in the direction of the edges; a node that leads to itself is a cycle of one. The
    result depends on the edges alone, not on the order in which they are given. Takes time linear in their number.

    Args:
        successors: the nodes that each node leads to; repetitions and nodes that are no key are fine.
    """
    found = []
    for component in _components(successors):
        start = min(component)
        if len(component) > 1 or start in successors.get(start, ()):
            found.append(_shortest_cycle(start, component, successors))
    return sorted(found)


def _components(successors: _Successors) -> Iterator[set[str]]:
    """The strongly connected components: Tarjan's algorithm, without recursion.

    https://en.wikipedia.org/wiki/Tarjan%27s_strongly_connected_components_algorithm
    """
    order: dict[str, int] = {}
    lowest: dict[str, float] = {}
    remaining: dict[str, Iterator[str]] = {}
    path: list[str] = []
    for root in successors:
        opened = [] if root in order else [root]
        while opened:
            node = opened[-1]
            if node not in order:
                order[node] = lowest[node] = len(order)
                remaining[node] = iter(successors.get(node, ()))
                path.append(node)
            following = next((other for other in remaining[node] if other not in order), None)
            if following is not None:
                opened.append(following)
                continue
            opened.pop()
            lowest[node] = min(lowest[other] for other in (node, *successors.get(node, ())))
            if lowest[node] == order[node]:
                component = set()
                while node not in component:
                    component.add(path.pop())
                lowest.update(dict.fromkeys(component, math.inf))
                yield component


def _shortest_cycle(start: str, component: set[str], successors: _Successors) -> list[str]:
    """The shortest way from a node back to itself; of several, the first when each step is compared by name."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for following in sorted(component.intersection(successors.get(node, ()))):
            if following == start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if following not in came_from:
                came_from[following] = node
                waiting.append(following)
    raise AssertionError("every node of a component leads back to itself")
