"""Differences between two states of an entity: as few as there are, and each where it is."""

import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.context.fields import format_path
from ckservice.context.impact.differences import differences, frozen
from ckservice.context.types import EntityType
from ckservice.context.yaml.reading import read

pytestmark = pytest.mark.source


def compare(before: str, after: str, entity_type: EntityType = "task") -> list[tuple[str, Any, Any]]:
    old, new = read(before).documents[0], read(after).documents[0]
    return [(format_path(path), was, now) for path, was, now in differences(old, new, entity_type)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("steps: [a, b, c]", "steps: [a, x, b, c]", [("steps[1]", None, "x")]),
        ("steps: [a, b, c]", "steps: [a, c]", [("steps[1]", "b", None)]),
        ("steps: [a, b, c]", "steps: [a, B, c]", [("steps[1]", "b", "B")]),
        ("steps: [a, b, c]", "steps: [x, a, b, C]", [("steps[0]", None, "x"), ("steps[3]", "c", "C")]),
        ("steps: [a, b]", "steps: [b, a]", [("steps[0]", "a", None), ("steps[1]", None, "a")]),
        ("steps: [a, a]", "steps: [a, a, a]", [("steps[2]", None, "a")]),
        ("steps: [a]", "steps: []", [("steps[0]", "a", None)]),
        ("steps: [a]", "title: x", [("steps", ["a"], None), ("title", None, "x")]),
        ("steps: a", "steps: [a]", [("steps", "a", ["a"])]),
        ("steps: [[1, 2], 3]", "steps: [[1, 4], 3]", [("steps[0][1]", 2, 4)]),
        ("a: {b: {c: 1}}", "a: {b: {c: 2}}", [("a.b.c", 1, 2)]),
        ("a: {b: 1}", "a: {b: 1, c: {d: 2}}", [("a.c", None, {"d": 2})]),
        ("a: 1", "a: true", [("a", 1, True)]),
        ("a: 1", "a: '1'", [("a", 1, "1")]),
        ("a: 1", "a: 1.0", []),
        ("a: 0", "a: false", [("a", 0, False)]),
        ("a: ", "b: ~", []),
        ("a: [~]", "a: []", [("a[0]", None, None)]),
        ("a: {b: 1, c: 2}", "a: {c: 2, b: 1}", []),
        ("x: [{a: 1}, {b: 2}]", "x: [{a: 1}, {b: 3}]", [("x[1].b", 2, 3)]),
        ("x: [{id: a, n: 1}, {id: b, n: 2}]", "x: [{id: b, n: 2}, {id: a, n: 3}]", [("x[1].n", 1, 3)]),
        (
            "x: [{id: a, n: 1}, {id: b}]",
            "x: [{id: c}, {id: a, n: 2}]",
            [("x[1].n", 1, 2), ("x[1]", {"id": "b"}, None), ("x[0]", None, {"id": "c"})],
        ),
        ("x: [{id: a, n: 1}, {id: a}]", "x: [{id: a, n: 2}, {id: a}]", [("x[0].n", 1, 2)]),
        ("related: {feature: FEAT-001}", "related: {feature: FEAT-002}", [("related.feature", "FEAT-001", "FEAT-002")]),
    ],
)
def test_what_is_different(before: str, after: str, expected: list[tuple[str, Any, Any]]) -> None:
    assert compare(before, after) == expected


@pytest.mark.parametrize(
    ("entity_type", "before", "after", "expected"),
    [
        ("feature", "tasks: [T-1, T-2, T-3]", "tasks: [T-3, T-1, T-2]", []),
        ("feature", "tasks: [T-1, T-2]", "tasks: [T-3, T-2]", [("tasks[0]", "T-1", None), ("tasks[0]", None, "T-3")]),
        ("feature", "tasks: [T-1]", "tasks: [T-1, T-1]", [("tasks[1]", None, "T-1")]),
        ("feature", "tasks: [T-1, 1]", "tasks: [1, T-1]", [("tasks[0]", "T-1", None), ("tasks[1]", None, "T-1")]),
        (
            "feature",
            "acceptance: [a, b]",
            "acceptance: [b, a]",
            [("acceptance[0]", "a", None), ("acceptance[1]", None, "a")],
        ),
        ("service", "dependencies: [a@^1, b]", "dependencies: [b, a@^2]", [("dependencies[1]", "a@^1", "a@^2")]),
        ("spec", "related: {services: [a, b]}", "related: {services: [b, a]}", []),
        (
            "package",
            "dependencies: [a, b]",
            "dependencies: [b, a]",
            [("dependencies[0]", "a", None), ("dependencies[1]", None, "a")],
        ),
    ],
)
def test_the_order_of_links_says_nothing(
    entity_type: EntityType, before: str, after: str, expected: list[tuple[str, Any, Any]]
) -> None:
    assert compare(before, after, entity_type) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "id"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "tasks", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)
ENTITIES = st.dictionaries(st.sampled_from(["id", "tasks", "steps", "x"]), VALUES, max_size=4)


@settings(max_examples=100, deadline=None)
@given(ENTITIES, ENTITIES)
def test_there_is_a_difference_where_there_is_one(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert differences(before, before, "feature") == []
    found = differences(before, after, "task")
    if frozen(before) == frozen(after):
        assert found == []
    assert len(set(map(repr, found))) == len(found)
    back = differences(after, before, "task")
    assert bool(back) == bool(found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.data())
def test_one_more_item_is_one_difference(items: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(items)))
    more = [*items[:place], "b", *items[place:]]
    (only,) = differences({"steps": items}, {"steps": more}, "task")
    assert (only.before, only.after) == (None, "b")
    (only,) = differences({"steps": more}, {"steps": items}, "task")
    assert (only.before, only.after) == ("b", None)


def test_long_lists_are_compared_in_time() -> None:
    before = {"steps": [f"step {number}" for number in range(20_000)], "tasks": [f"T-{n}" for n in range(20_000)]}
    after = {"steps": before["steps"][::-1], "tasks": before["tasks"][::-1]}
    begun = time.perf_counter()
    assert len(differences(before, after, "feature")) == 20_000
    after = {"steps": ["new", *before["steps"]], "tasks": before["tasks"][1:]}
    assert len(differences(before, after, "feature")) == 2
    assert time.perf_counter() - begun < 5
