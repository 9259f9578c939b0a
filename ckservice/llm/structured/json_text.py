"""JSON as models write it: bare if they can, else in a fence or in the middle of a sentence."""

import json
import re
from typing import Any

import orjson

from ckservice.nesting import is_deeper

_FENCED = re.compile(r"```(?:[A-Za-z]*+[ \t]*+\r?\n)?(.*)```", re.DOTALL)
_START = re.compile(r"[{\[]")
_BLANK = "\ufeff \t\r\n"
_MAX_STARTS = 64
"""Places where a value might begin; each costs as much as there is text behind it."""

MAX_DEPTH = 200
"""Of arrays and objects; what can be parsed can't always be written, https://github.com/ijl/orjson#serialize."""


def find_json(text: str, *, in_prose: bool = False) -> tuple[str, Any] | None:
    """The JSON that a text is, or holds in its only fence, and its value; `None` if it isn't and doesn't.

    Args:
        text: what a model wrote.
        in_prose: whether one object or array in the midst of other words counts too.
    """
    fenced = _FENCED.search(text)
    candidates = [text, *((fenced[1],) if fenced else ()), *(_between_words(text) if in_prose else ())]
    for candidate in candidates:
        bare = candidate.strip(_BLANK)
        try:
            value = orjson.loads(bare)
        except orjson.JSONDecodeError:
            continue
        if not is_deeper(value, MAX_DEPTH):
            return bare, value
    return None


def _between_words(text: str) -> list[str]:
    """The only object or array in a text; none if there are several."""
    found: list[str] = []
    decoder = json.JSONDecoder()
    place, tries = 0, 0
    while (start := _START.search(text, place)) and tries < _MAX_STARTS and len(found) < 2:
        tries += 1
        try:
            _, place = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            place = start.end()
        else:
            found.append(text[start.start() : place])
    return found if len(found) == 1 else []
