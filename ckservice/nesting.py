"""How deep JSON goes: what can be read can't always be written, and recursion has an end."""

from typing import Any


def is_deeper(value: Any, depth: int) -> bool:
    """Whether arrays and objects stand in more than `depth` others; level by level, since it may be much deeper."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for holder in level
            if isinstance(holder, list | dict)
            for inner in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return False
    return True
