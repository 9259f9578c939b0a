"""Cycles of a directed graph, against a search through all ways."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.context.graph.cycles import cycles

pytestmark = pytest.mark.source

_NAMES = "abcdef"
_graphs = st.dictionaries(st.sampled_from(_NAMES), st.lists(st.sampled_from(_NAMES), max_size=4))


@settings(max_examples=300, deadline=None)
@given(_graphs, st.randoms(use_true_random=False))
def test_each_knot_has_one_shortest_cycle_from_its_smallest_node(successors: dict[str, list[str]], random: Any) -> None:
    def leads(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            new = set(successors.get(waiting.pop(), ())) - seen
            seen |= new
            waiting += new
        return seen

    def is_cycle(way: tuple[str, ...]) -> bool:
        return all(end in successors.get(start, ()) for start, end in zip(way, (*way[1:], way[0]), strict=True))

    reached = {name: leads(name) for name in _NAMES}
    knots = {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in _NAMES
        if name in reached[name]
    }
    found = cycles(successors)
    assert [cycle[0] for cycle in found] == sorted(min(knot) for knot in knots)
    for cycle in found:
        knot = next(knot for knot in knots if cycle[0] in knot)
        others = knot - {cycle[0]}
        ways: list[tuple[str, ...]] = [
            (cycle[0], *rest) for size in range(len(cycle)) for rest in permutations(others, size)
        ]
        shortest = min((way for way in ways if is_cycle(way)), key=lambda way: (len(way), way))
        assert cycle == list(shortest)
    shuffled = [(name, random.sample(following, len(following))) for name, following in successors.items()]
    random.shuffle(shuffled)
    assert cycles(dict(shuffled)) == found


def test_of_many_shortest_cycles_the_first_by_name_is_given() -> None:
    others = [f"n{place}" for place in range(100, 200)]
    assert cycles({"a": others[::-1], **{other: ["a"] for other in others}}) == [["a", "n100"]]


def test_a_cycle_of_a_hundred_thousand_is_found() -> None:
    successors = {f"{place:06}": [f"{(place + 1) % 100_000:06}"] for place in range(100_000)}
    assert cycles(successors) == [list(successors)]
