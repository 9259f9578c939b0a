"""The parts of a JSON Schema that together rule one value: what it says itself, refers to, and demands with `allOf`."""

from collections.abc import Mapping, Sequence
from typing import Any

_MAX_PARTS = 64


def target(root: Mapping[str, Any], reference: Any) -> Any:
    """What a `$ref` into the same document points at; `None` where it points elsewhere, or at nothing."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    found: Any = root
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def parts(root: Mapping[str, Any], schema: Any) -> list[Mapping[str, Any]]:
    """All parts of a schema, its own first."""
    found: list[Mapping[str, Any]] = []
    waiting = [schema]
    for part in waiting:  # which grows on the way
        if not isinstance(part, Mapping) or any(part is known for known in found) or len(found) == _MAX_PARTS:
            continue
        found.append(part)
        waiting.append(target(root, part.get("$ref")))
        waiting.extend(listed(part, "allOf"))
    return found


def members(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The schemas of the members that parts name, in their order."""
    return {name: schema for part in reversed(found) for name, schema in mapped(part, "properties").items()}


def required(found: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names of the members that parts require."""
    return {name for part in found for name in listed(part, "required") if isinstance(name, str)}


def items(found: Sequence[Mapping[str, Any]]) -> Any:
    """The schema of the items that parts allow in a list; `None` where they do not say."""
    return next((part["items"] for part in found if isinstance(part.get("items"), Mapping)), None)


def mapped(part: Mapping[str, Any], keyword: str) -> dict[str, Any]:
    """The mapping of a keyword, whatever else stands there."""
    value = part.get(keyword)
    return value if isinstance(value, dict) else {}


def listed(part: Mapping[str, Any], keyword: str) -> list[Any]:
    """The list of a keyword, whatever else stands there."""
    value = part.get(keyword)
    return value if isinstance(value, list) else []
