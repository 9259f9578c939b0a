"""What is different between two states of an entity, field by field.

Values are compared, not text: comments, quotes, the order of keys and line breaks are no difference, and neither is a
key that holds nothing.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

from ckservice.context.entities import KINDS, Link
from ckservice.context.fields import parse_path
from ckservice.context.types import EntityType
from ckservice.context.yaml.reading import FieldPath

_MAX_COMPARISONS = 1_000_000
"""Of the items of two lists with each other; longer lists are compared item by item."""


class Difference(NamedTuple):
    """One field that is not what it was.

    Attributes:
        path: in the new state; in the old one where the field has gone.
        before: `None` where there was nothing.
        after: `None` where there is nothing now.
    """

    path: FieldPath
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any], entity_type: EntityType) -> list[Difference]:
    """What is different, in the order of the old state's fields, and then of those that are new.

    Lists of ids are sets: their order says nothing. Items of other lists are told apart by their `id` where all have
    one; else what is common to both lists stays, in its order, and what stands between is paired up.
    """
    links = {parse_path(link.field): link for link in KINDS[entity_type].links}
    return list(_differ((), before, after, links))


def frozen(value: Any) -> Hashable:
    """A value that is equal to that of another JSON value exactly when both mean the same."""
    match value:
        case dict():
            return frozenset((name, frozen(inner)) for name, inner in value.items() if inner is not None)
        case list():
            return tuple(map(frozen, value))
        case bool():  # Python's True is 1
            return ("boolean", value)
        case _:
            return value  # type: ignore[no-any-return] # what else there is in JSON is hashable


def _differ(path: FieldPath, before: Any, after: Any, links: Mapping[FieldPath, Link]) -> Iterator[Difference]:
    if frozen(before) == frozen(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differ((*path, name), before.get(name), after.get(name), links)
    elif isinstance(before, list) and isinstance(after, list):
        if path in links and all(isinstance(item, str) for item in before + after):
            yield from _differ_in_ids(path, before, after, links[path])
        elif (old := _by_id(before)) is not None and (new := _by_id(after)) is not None:
            yield from _differ_by_id(path, old, new, links)
        else:
            yield from _differ_in_order(path, before, after, links)
    else:
        yield Difference(path, before, after)


def _differ_in_ids(path: FieldPath, before: list[str], after: list[str], link: Link) -> Iterator[Difference]:
    gone, come = _without(before, after), dict(_without(after, before))
    for place, text in gone:
        same = (other for other, value in come.items() if link.target_id(value) == link.target_id(text))
        again = next(same, None)  # the same target, with another range
        if again is None:
            yield Difference((*path, place), text, None)
        else:
            yield Difference((*path, again), text, come.pop(again))
    for place, text in come.items():
        yield Difference((*path, place), None, text)


def _without(items: list[str], others: list[str]) -> list[tuple[int, str]]:
    """The items, with their places, that another list does not have, or not as often."""
    left = Counter(others)
    left.subtract(items)
    lacking = []
    for place, item in reversed([*enumerate(items)]):  # of several that are the same, the last is the one too many
        if left[item] < 0:
            left[item] += 1
            lacking.append((place, item))
    return lacking[::-1]


def _by_id(items: list[Any]) -> dict[str, tuple[int, Any]] | None:
    found: dict[str, tuple[int, Any]] = {}
    for place, item in enumerate(items):
        item_id = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item_id, str) or item_id in found:
            return None
        found[item_id] = (place, item)
    return found


def _differ_by_id(
    path: FieldPath,
    before: Mapping[str, tuple[int, Any]],
    after: Mapping[str, tuple[int, Any]],
    links: Mapping[FieldPath, Link],
) -> Iterator[Difference]:
    for item_id, (place, item) in before.items():
        if item_id in after:
            new_place, new_item = after[item_id]
            yield from _differ((*path, new_place), item, new_item, links)
        else:
            yield Difference((*path, place), item, None)
    for item_id, (place, item) in after.items():
        if item_id not in before:
            yield Difference((*path, place), None, item)


def _differ_in_order(
    path: FieldPath, before: list[Any], after: list[Any], links: Mapping[FieldPath, Link]
) -> Iterator[Difference]:
    old = new = 0
    ends = (len(before), len(after))
    for next_old, next_new in [*_common([*map(frozen, before)], [*map(frozen, after)]), ends]:
        while old < next_old and new < next_new:
            yield from _differ((*path, new), before[old], after[new], links)
            old, new = old + 1, new + 1
        for place in range(old, next_old):
            yield Difference((*path, place), before[place], None)
        for place in range(new, next_new):
            yield Difference((*path, place), None, after[place])
        old, new = next_old + 1, next_new + 1


def _common(before: list[Hashable], after: list[Hashable]) -> list[tuple[int, int]]:
    """The places of the longest common subsequence of two lists."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    middle = _longest(old, new) if len(old) * len(new) <= _MAX_COMPARISONS else []
    return [
        *((place, place) for place in range(start)),
        *((start + one, start + other) for one, other in middle),
        *((len(before) - place, len(after) - place) for place in range(end, 0, -1)),
    ]


def _longest(before: list[Hashable], after: list[Hashable]) -> list[tuple[int, int]]:
    lengths = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for one in range(len(before) - 1, -1, -1):
        row, below = lengths[one], lengths[one + 1]
        for other in range(len(after) - 1, -1, -1):
            same = before[one] == after[other]
            row[other] = below[other + 1] + 1 if same else max(below[other], row[other + 1])
    pairs, one, other = [], 0, 0
    while one < len(before) and other < len(after):
        if before[one] == after[other]:
            pairs.append((one, other))
            one, other = one + 1, other + 1
        elif lengths[one + 1][other] >= lengths[one][other + 1]:
            one += 1
        else:
            other += 1
    return pairs
