"""What plain scalars stand for: the core schema of YAML 1.2.

https://yaml.org/spec/1.2.2/#103-core-schema
"""

import math
import re
from typing import Any

EXACT = 2**53
"""Larger whole numbers are no longer exact in the app's JSON."""

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_LONGEST_NUMBER = 100
"""Characters of a number; more are text, and so is what would be infinite."""


def plain(text: str) -> Any:
    """The value of a plain scalar. Numbers that JSON has no place for are text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        return number if abs(number) < EXACT else float(number)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else text
    return text
