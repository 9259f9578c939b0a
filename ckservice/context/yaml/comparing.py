"""What of a list stays, what changes in place, what comes and goes."""

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from ckservice.context.yaml.plain import EXACT

_ALIKE = 0.6
"""How alike two texts are, from 0 to 1, for one to be a new version of the other."""

_COMPARED = 400
"""Pairs of items that are compared for that, at most, and characters of each."""

_REPEATED = 16
"""Equal items before and behind a place that are looked at."""


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but not `true`; the order of keys does not matter."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and len(one) == len(other)
            and all(name in other and same(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or (abs(one) >= EXACT and float(one) == float(other))
    return bool(one == other)


def match(old: Sequence[Any], new: Sequence[Any]) -> dict[int, int]:
    """For places in a new list the places in the old one of what stays or changes there; both ascend."""
    matched = dict(_common(list(map(identity, old)), list(map(identity, new))))
    last_old = last_new = -1
    for there, here in [*matched.items(), (len(new), len(old))]:
        gone, come = range(last_old + 1, here), range(last_new + 1, there)
        matched.update(_changed(old, new, gone, come) if gone and come else ())
        last_old, last_new = here, there
    return dict(sorted(matched.items()))


def identity(value: Any) -> Hashable:
    """A key that values share if they are the same."""
    if isinstance(value, dict):
        return "dict", frozenset((name, identity(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return "list", tuple(map(identity, value))
    if isinstance(value, bool):
        return "bool", value
    return float(value) if isinstance(value, int) and abs(value) >= EXACT else value


def _common(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Places, new and old, of a longest common subsequence, in the way of Hunt and Szymanski.

    https://en.wikipedia.org/wiki/Hunt%E2%80%93Szymanski_algorithm
    """
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        yield head, head
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    places: dict[Hashable, list[int]] = {}
    for place in range(head, len(old) - tail):
        places.setdefault(old[place], []).append(place)
    # For each length, the old place where the chain of that length that leaves most room ends, and that chain.
    ends: list[int] = []
    chains: list[Any] = []
    for there in range(head, len(new) - tail):
        for here in _nearest(places.get(new[there], []), there):
            length = bisect_left(ends, here)
            chain = (there, here, chains[length - 1] if length else None)
            ends[length : length + 1] = [here]
            chains[length : length + 1] = [chain]
    pairs: list[tuple[int, int]] = []
    link = chains[-1] if chains else None
    while link is not None:
        there, here, link = link
        pairs.append((there, here))
    yield from reversed(pairs)
    yield from ((len(new) - rest, len(old) - rest) for rest in range(tail, 0, -1))


def _nearest(places: list[int], place: int) -> list[int]:
    """The last first; not all of them in a list that holds the same again and again."""
    first = max(0, bisect_left(places, place) - _REPEATED) if len(places) > 2 * _REPEATED else 0
    return places[first : first + 2 * _REPEATED][::-1]


def _changed(old: Sequence[Any], new: Sequence[Any], gone: range, come: range) -> Iterator[tuple[int, int]]:
    """Of the items between two that stay: which became which."""
    beside = list(zip(come, gone, strict=False))
    if len(gone) == len(come) and not any(_are_others(old[here], new[there]) for there, here in beside):
        yield from beside
    elif len(gone) * len(come) <= _COMPARED:
        first = gone.start
        for there in come:
            here = next((here for here in range(first, gone.stop) if _alike(old[here], new[there])), None)
            if here is not None:
                yield there, here
                first = here + 1


def _are_others(old: Any, new: Any) -> bool:
    both = isinstance(old, dict) and isinstance(new, dict) and "id" in old and "id" in new
    return both and not _alike(old, new)


def _alike(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        if "id" in old and same(old["id"], new.get("id")):
            return True
        equal = sum(1 for name, value in old.items() if name in new and same(value, new[name]))
        return equal * 2 >= max(len(old), len(new))
    if isinstance(old, str) and isinstance(new, str):
        from difflib import SequenceMatcher  # noqa: PLC0415 - takes 5 ms, and few changes come here

        matcher = SequenceMatcher(None, old[:_COMPARED], new[:_COMPARED], autojunk=False)
        return matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE
    return False
