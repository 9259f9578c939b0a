"""One thing that is wrong with a document, before its line is looked up; and how values are shown to people."""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from ckservice.context.finding import FindingKind, FindingSeverity
from ckservice.context.yaml.reading import FieldPath

MAX_FINDINGS = 100
"""Listed for one file; another one says how many more there are."""

MAX_MESSAGE = 500
"""Characters of a message."""

_MAX_SHOWN = 80
_MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong.

    Attributes:
        path: of the value in its document, or of what should be there.
        at_key: it is the value's name that is wrong.
    """

    kind: FindingKind
    severity: FindingSeverity
    path: FieldPath
    message: str
    at_key: bool = False


def is_explained(path: FieldPath, wrong: Container[FieldPath]) -> bool:
    """Whether a value, or one that holds it, is wrong already: one mistake is told once."""
    return any(path[:length] in wrong for length in range(1, len(path) + 1))


def shown(value: Any) -> str:
    """A value as messages have it: a text in quotes, cut where it is long."""
    if isinstance(value, list):
        return f"a list of {counted(len(value), 'item')}"
    if isinstance(value, dict):
        return f"a mapping with {counted(len(value), 'key')}"
    if value is None:
        return "empty"
    if isinstance(value, str):
        return '"' + shortened(value) + '"'
    return json.dumps(value)[:_MAX_SHOWN]


def shortened(text: str, length: int = _MAX_SHOWN) -> str:
    """A text on one line, cut where it is long."""
    text = text[: length * 2].replace("\r", " ").replace("\n", " ")
    return text if len(text) <= length else text[: length - 1] + "…"


def listed(values: Sequence[Any], last: str = "or") -> str:
    """Several values: `todo, doing or done`; only some where there are many."""
    texts = [shortened(value) if isinstance(value, str) and value else shown(value) for value in values[:_MAX_LISTED]]
    if len(values) > _MAX_LISTED:
        return ", ".join(texts) + f" and {len(values) - _MAX_LISTED} more"
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def counted(count: int, noun: str) -> str:
    """A number of things: `1 item`, `2 items`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
