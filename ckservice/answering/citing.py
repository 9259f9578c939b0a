"""Marks like `[1]` in an answer that is being streamed: which source each names, and where it stands.

Models are asked for `[1]` behind a space. Many write `[1, 2]`, `[1-3]` or `【1】` all the same: that becomes `[1][2]`. What
names no source is left out. Brackets in code, links and what looks like an element of a list, `items[1]`, are no marks;
one right behind a word is only taken for a mark where a clause ends with it.
"""

import re
from typing import NamedTuple

from ckservice.answering.code import Code

_OPEN = r"[\[\u3010\uff3b]"
_CLOSE = r"[\]\u3011\uff3d]"
"""Those of East Asian text, too."""

_NUMBER = r"[1-9\uff11-\uff19][0-9\uff10-\uff19]{0,2}"
_DASH = r"[-\u2013\u2014]"
_BETWEEN = r" ?[-\u2013\u2014,;\u3001\uff0c\uff1b] ?"
_NUMBERS = f"{_NUMBER}(?:{_BETWEEN}{_NUMBER}){{0,15}}"
_MARK = re.compile(f"{_OPEN} ?({_NUMBERS}) ?{_CLOSE}")
_BEGINNING = re.compile(rf"{_OPEN} ?(?:{_NUMBERS}(?:{_BETWEEN}| )?)?\Z")
_RANGE = re.compile(f"({_NUMBER})(?: ?{_DASH} ?({_NUMBER}))?")
_BRACKET = re.compile(_OPEN)
_SPACES = " \t\xa0\u202f"
_STOPS = ".,;:!?\u2026"
_CLOSING = _STOPS + ")]}*_\"'\u2019\u201d\xbb\u3001\u3002\uff0c\uff1b"
"""What no space stands before."""

_CLAUSE_END = re.compile(rf"\n|{_OPEN}|[{_STOPS}](?![^\W_])")


class Citation(NamedTuple):
    """A mark in an answer.

    Attributes:
        source: its place among the sources, from 0.
        start: where the mark begins, in UTF-16 code units.
        end: the place behind it.
    """

    source: int
    start: int
    end: int


class Citing:
    """Takes an answer piece by piece, and gives it back with the marks that name a source, each by itself.

    What is given back is the same whatever the pieces, and at most a mark is kept back, of 100 characters or so.

    Args:
        sources: how many there are.
    """

    def __init__(self, sources: int) -> None:
        self._sources = sources
        self._code = Code()
        self._held = ""
        self._before = "\n"
        self._follows_mark = False
        self._given = _Given()

    @property
    def text(self) -> str:
        """All that was given back."""
        return "".join(self._given.pieces)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The marks in it, in their order."""
        return tuple(self._given.citations)

    def feed(self, text: str) -> str:
        """Take a piece. What may be the beginning of a mark is kept back until it is known."""
        begun = len(self._given.pieces)
        for part, is_code in self._code.split(text):
            if is_code:
                self._read(following=part[0])
                self._keep(part)
            else:
                self._held += part
                self._read()
        return "".join(self._given.pieces[begun:])

    def end(self) -> str:
        """Give back what was kept back."""
        begun = len(self._given.pieces)
        self._read(following="\n")
        self._given.end()
        return "".join(self._given.pieces[begun:])

    def _read(self, following: str = "") -> None:
        """Go through what is held.

        Args:
            following: what comes behind it, if that is no prose; without it, the end is left until it is known.
        """
        text, place = self._held, 0
        while found := _BRACKET.search(text, place):
            self._keep(text[place : found.start()])
            place = found.start()
            mark = _MARK.match(text, place)
            behind = text[mark.end() : mark.end() + 2] if mark is not None else ""
            behind = behind if len(behind) == 2 else behind + following
            if self._is_open(text, place, mark, behind) and not following:
                self._held = text[place:]
                return
            if mark is not None and self._is_mark(mark, behind):
                self._given.cite(self._named(mark[1]))
                self._before, self._follows_mark = "]", True
                place = mark.end()
            else:
                self._keep(text[place])
                place += 1
        self._keep(text[place:])
        self._held = ""

    def _keep(self, text: str) -> None:
        if text:
            self._given.add(text)
            self._before, self._follows_mark = text[-1], False

    def _is_open(self, text: str, place: int, mark: re.Match[str] | None, behind: str) -> bool:
        """Whether it takes more text to know what a bracket is."""
        if mark is None:
            return _BEGINNING.match(text, place) is not None
        if text[place] != "[":
            return False
        return not behind or (len(behind) == 1 and behind in _STOPS and self._follows_word())

    def _is_mark(self, mark: re.Match[str], behind: str) -> bool:
        """Whether brackets around numbers are a mark, given what stands before and up to two characters behind them."""
        if self._before == "\\":
            return False
        if mark[0][0] != "[":
            return True  # no code and no link has such brackets
        if behind.startswith("(") or (self._before == "]" and not self._follows_mark):
            return False  # a link, or an element of a list in a list
        if self._before == "\n" and behind.startswith(":"):
            return False  # where a link leads
        if not self._follows_word():
            return True
        return _CLAUSE_END.match(behind) is not None and bool(self._named(mark[1]))

    def _follows_word(self) -> bool:
        """Whether the text before is a word of a script that has spaces between words; `_` may end a name."""
        return self._before.isascii() and (self._before.isalnum() or self._before == "_")

    def _named(self, numbers: str) -> list[int]:
        """The places of the sources that a mark names, without those that there are not."""
        named: dict[int, None] = {}
        for first, last in _RANGE.findall(numbers):
            end = min(int(last or first), self._sources)
            named |= dict.fromkeys(range(int(first) - 1, end))
        return list(named)


class _Given:
    """What has been given back, and the space at its end, which waits to see whether what it stands before is left out."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.citations: list[Citation] = []
        self._length = 0
        self._space = ""
        self._follows_left_out = False
        self._begins_line = True

    def add(self, text: str) -> None:
        """Text that is no mark."""
        if self._follows_left_out:
            if self._space and (text[0].isspace() or text[0] in _CLOSING):
                self._space = ""
            elif self._begins_line and text[0] in _SPACES:
                text = text[1:]
        self._follows_left_out = False
        if text:
            text = self._space + text
            self._space = text[-1] if text[-1] in _SPACES else ""
            self._write(text[: len(text) - len(self._space)])

    def cite(self, sources: list[int]) -> None:
        """A mark, which is left out if it names no source."""
        if not sources:
            self._follows_left_out = True
            return
        self._follows_left_out = False
        self._write(self._space)
        self._space = ""
        for source in sources:
            start = self._length
            self._write(f"[{source + 1}]")
            self.citations.append(Citation(source, start, self._length))

    def end(self) -> None:
        """There is no more."""
        if not self._follows_left_out:
            self._write(self._space)
        self._space = ""

    def _write(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self._length += len(text.encode("utf-16-le", "surrogatepass")) // 2
            self._begins_line = text[-1] == "\n"
