"""Fields of an entity by path: `related.features[0]` in text, `("related", "features", 0)` in code."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ckservice.context.yaml.reading import FieldPath

_PART = re.compile(r"([^.\[\]]+)|\[([0-9]{1,9})\]")
_INDEX = re.compile(r"[0-9]{1,9}")
_PATH = re.compile(r"(?:[^.\[\]]+|\[[0-9]{1,9}\])(?:\.[^.\[\]]+|\.?\[[0-9]{1,9}\])*")


@lru_cache(maxsize=4096)
def parse_path(text: str) -> FieldPath:
    """A path as people write it; indexes may stand in brackets or between dots."""
    parts = (name or index for name, index in _PART.findall(text))
    return tuple(int(part) if _INDEX.fullmatch(part) else part for part in parts)


def is_path(text: str) -> bool:
    """Whether a text is a path as it should be; `parse_path` makes something of whatever there is."""
    return _PATH.fullmatch(text) is not None


def format_path(path: FieldPath) -> str:
    """A path as it is shown: `acceptanceCriteria[2]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def find(data: Any, path: FieldPath) -> Any:
    """The value at a path; `None` where there is nothing. A number may be the name of a key, too."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part if isinstance(part, str) else str(part))
        elif isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
            data = data[part]
        else:
            return None
    return data


def texts(data: Any, field: str) -> Iterator[tuple[FieldPath, str]]:
    """Each text in a field that holds one or a list of them, with its path; anything else is passed over."""
    path = parse_path(field)
    value = find(data, path)
    if isinstance(value, str) and value:
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if isinstance(item, str) and item:
                yield (*path, place), item
