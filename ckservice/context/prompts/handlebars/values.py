"""Values in templates: what is empty, what is in what, and how each is written, as JavaScript has it."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

Helper = Callable[[Any], Any]
"""Makes a value of the first argument of a call."""

_PLACE = re.compile(r"0|[1-9][0-9]{0,8}")


def is_true(value: Any) -> bool:
    """Whether JavaScript takes a value for true: every list and mapping."""
    return bool(value) or isinstance(value, list | dict)


def is_empty(value: Any) -> bool:
    """Whether `if` and `with` take a value for nothing; zero is something to `with`."""
    if isinstance(value, list):
        return not value
    return not is_true(value) and (value is False or not isinstance(value, int | float))


def member(holder: Any, name: str) -> Any:
    """What a name or place leads to: members of mappings, items of lists, `length`, and nothing else."""
    if isinstance(holder, dict):
        return holder.get(name)
    if isinstance(holder, list | str):
        if name == "length":
            return len(holder)
        if _PLACE.fullmatch(name) and int(name) < len(holder):
            return holder[int(name)]
    return None


def is_same(one: Any, other: Any) -> bool:
    """Whether two contexts are one, so that `..` does not stop at both."""
    if isinstance(one, list | dict) or type(one) is not type(other):
        return one is other
    return bool(one == other)


def pieces(value: Any, escape: Callable[[str], str]) -> Iterator[str]:
    """A value as text, piece by piece: lists may be much longer than what is left to write."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            if place:
                yield ","
            yield from pieces(item, escape)
    elif isinstance(value, str):
        yield escape(value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        yield _number(value)
    elif value is None:
        yield ""
    else:
        yield "[object Object]"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(int(value) if value == int(value) and abs(value) < 1e21 else value)
