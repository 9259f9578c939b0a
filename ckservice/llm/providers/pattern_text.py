"""Texts for the regular expressions that schemas hold: those that are likely, else the shortest that can be built.

Building knows what patterns of ids, versions and the like are made of: characters, classes, groups, alternatives and
repetitions. https://ecma-international.org/publications-and-standards/standards/ecma-262/
"""

import re
from collections.abc import Iterable, Iterator

from ckservice.patterns import Unmatchable, matcher

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r"}
_NOTHING = {"b", "B"}
_COUNT = re.compile(r"\{(\d{1,4})(,\d*)?\}")
_SET_OPERATIONS = re.compile(r"\[|--|&&|~~|\|\|")
_LIKELY = "a0A-_ .x1"
_MAX_CHARS = 2_000


class _Unknown(Exception):
    """The pattern holds something that nothing is known about."""


def text_for(pattern: str, likely: Iterable[str]) -> str | None:
    """A text that a pattern is found in: the first of those that are likely, else a short one; `None` if none is found."""
    try:
        matches = matcher(pattern)
    except Unmatchable:
        return None
    return next((text for text in (*likely, *_built(pattern)) if matches(text)), None)


def _built(pattern: str) -> Iterator[str]:
    builder = _Builder(pattern)
    try:
        yield builder.alternatives()
    except (_Unknown, IndexError, RecursionError, re.error):
        return


class _Builder:
    """Reads a pattern from left to right and says the shortest text that it stands for."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0

    def alternatives(self) -> str:
        """The first of several; stands behind the last one afterwards."""
        first = self._sequence()
        while self._next() == "|":
            self._place += 1
            self._sequence()
        return first

    def _sequence(self) -> str:
        text = ""
        while self._next() not in ("", "|", ")"):
            atom = self._atom()
            text += atom * self._count()
            if len(text) > _MAX_CHARS:
                raise _Unknown
        return text

    def _next(self) -> str:
        return self._pattern[self._place : self._place + 1]

    def _take(self) -> str:
        self._place += 1
        return self._pattern[self._place - 1]

    def _atom(self) -> str:
        character = self._take()
        match character:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "[":
                return self._class()
            case "(":
                return self._group()
            case "\\":
                return self._escape()
            case _:
                return character

    def _group(self) -> str:
        if self._next() == "?":
            named = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>)").match(self._pattern, self._place)
            if named is None:
                raise _Unknown  # looks ahead or behind
            self._place = named.end()
        text = self.alternatives()
        if self._take() != ")":
            raise _Unknown
        return text

    def _escape(self) -> str:
        character = self._take()
        if character in _NOTHING:
            return ""
        if character in _CLASSES or character in _ESCAPES:
            return _CLASSES.get(character) or _ESCAPES[character]
        if character.isalnum():
            raise _Unknown
        return character

    def _class(self) -> str:
        start = self._place
        is_negated = self._next() == "^"
        self._place += is_negated
        while self._next() != "]" or self._place == start + is_negated:
            self._place += 2 if self._next() == "\\" else 1
            if self._place > len(self._pattern):
                raise _Unknown
        inside = self._pattern[start : self._place]
        self._place += 1
        if _SET_OPERATIONS.search(inside):
            raise _Unknown
        allowed = re.compile(f"[{inside}]")
        first = inside.lstrip("^\\")[:1]
        return next((text for text in (*_LIKELY, first) if text and allowed.fullmatch(text)), None) or self._unknown()

    def _unknown(self) -> str:
        raise _Unknown

    def _count(self) -> int:
        """How often the last atom is to stand, as seldom as may be."""
        found = _COUNT.match(self._pattern, self._place)
        if found is not None:
            self._place = found.end()
            count = int(found[1])
        elif self._next() in ("?", "*", "+"):
            count = 1 if self._take() == "+" else 0
        else:
            return 1
        if self._next() in ("?", "+"):  # lazy or possessive
            self._place += 1
        return count
