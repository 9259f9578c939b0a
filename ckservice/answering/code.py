"""What is code in Markdown that is being streamed: spans and fenced blocks.

https://spec.commonmark.org/0.31.2/#code-spans, https://spec.commonmark.org/0.31.2/#fenced-code-blocks. Nobody can know yet
whether a span will be closed: one that is not ends with its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PART = re.compile(r"`+|~+|\n|[^`~\n]+")
_BEFORE_FENCE = re.compile(r"[\s>*+\-0-9.)]*")
"""Quotes and lists that a block may stand in."""

_LEAST_FENCE = 3


@dataclass(slots=True)
class _Run:
    """Backticks, or tildes, one after the other."""

    mark: str
    length: int
    begins_line: bool


class Code:
    """Follows a text piece by piece, whatever way it is cut."""

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._span = 0
        self._fence: _Run | None = None
        self._is_opening = False
        self._is_closing = False
        self._begins_line = True

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """The parts of a piece, each with whether it is code, or what code begins and ends with."""
        for part in _PART.findall(text):
            mark = part[0]
            if mark in "`~":
                if self._run is None or self._run.mark != mark:
                    self._end_run()
                    self._run = _Run(mark, 0, self._begins_line)
                self._run.length += len(part)
                self._begins_line = False
                yield part, True
                continue
            self._end_run()
            if mark == "\n":
                self._end_line()
            elif not part.isspace():
                self._is_closing = False
                self._begins_line = self._begins_line and _BEFORE_FENCE.fullmatch(part) is not None
            yield part, self._span > 0 or self._fence is not None

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        if self._fence is not None and self._is_opening and run.mark == self._fence.mark == "`":
            self._span, self._fence = self._fence.length, None  # no fence has backticks behind it
        if self._fence is not None:
            self._is_closing = run.begins_line and run.mark == self._fence.mark and run.length >= self._fence.length
        elif self._span:
            self._span = 0 if run.mark == "`" and run.length == self._span else self._span
        elif run.begins_line and run.length >= _LEAST_FENCE:
            self._fence, self._is_opening = run, True
        elif run.mark == "`":
            self._span = run.length

    def _end_line(self) -> None:
        if self._is_closing:
            self._fence = None
        self._span = 0
        self._is_opening = self._is_closing = False
        self._begins_line = True
