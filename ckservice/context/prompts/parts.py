"""Parts of what people have written, which may be anything: whatever is not as it should be is left out."""

from typing import Any

_MAX_LINE = 4_000
"""Characters of what stands in one line."""


def mappings(data: Any, field: str) -> list[dict[str, Any]]:
    """The mappings in a field that should hold a list of them."""
    value = data.get(field) if isinstance(data, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(data: Any, field: str) -> list[str]:
    """The texts in a field that should hold a list of them."""
    value = data.get(field) if isinstance(data, dict) else None
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def one_line(value: Any) -> str:
    """A text as it can stand in a list, cut where it is very long; nothing for what is no text."""
    words = " ".join(value.split()) if isinstance(value, str) else ""
    return words if len(words) <= _MAX_LINE else f"{words[:_MAX_LINE]}…"
