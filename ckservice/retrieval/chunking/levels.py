"""How far in each line of a source file stands: by brackets where they can be trusted, else by its indentation."""

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from ckservice.retrieval.chunking.languages import Language
from ckservice.retrieval.chunking.lines import Span, column

_MOST_COLUMNS = 1000

_KIND = re.compile(
    r"(?P<END>[\])}][\])};, \t]{0,20}(?:(?://|#|/\*).*)?$|end;?$)|(?P<CLOSING>[\])}]|(?:else|elif|elsif|except|catch|finally|rescue|ensure|where)\b"
    r"|(?:end|then|do|done|fi|esac|begin)\b(?!\s{0,8}[(=.\[:,])|\{\s{0,8}$|</(?!script))"
    r"|(?P<COMMENT>#(?!\[)|//|/\*|\*(?:\s|/|$)|--(?:\s|$)|<!--|;;)"
    r"|(?P<ATTACHED>@(?![\w.]{1,80}(?:\([^()]{0,80}\))?[ \t]{1,8}\w)|#\[|\[[^\]]{0,200}\]\s{0,8}$|template\s{0,8}<)",
    re.IGNORECASE,
)
_RETURN_TYPE = re.compile(
    r"(?!(?:import|package|using|use|return|break|continue)\b)"
    r"(?!.{0,80}\b(?:class|interface|enum|struct|trait|namespace|module|object|record|extension|protocol|impl|fun|func|function|fn)\b)"
    r"(?:[A-Za-z_][\w:<>]{0,60}[ \t]{0,4}){1,4}[ \t*&]{0,8}"
)
_TELLING = frozenset("])}{<#/*-;@[bcdefrtwBCDEFRTW")
_TELLING_AT_END = frozenset(":*&>abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Characters without which there is no need to look closer."""

_LABEL = re.compile(r"(?:case\b[^{]{0,200}|(?:public |private |protected )?[A-Za-z_]\w{0,40})\s{0,8}:")
_INSIDE = b"\1"
_NEVER_ENDS = "\2"
_OPEN = ord("(")
_OPEN_AND_CLOSE = bytes.maketrans(b"[{]}", b"(())")
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}\n\1"))

_CLOSERS = ")]}"
_RESTARTS = ("def ", "class ", "async def ", "create ", "CREATE ")
"""What stands in no brackets if it is first on its line: one was left open before."""


class Kind(IntEnum):
    """What a line is for those around it."""

    BLANK = 0
    INSIDE = 1
    """It goes on with a string, a comment or what stands in brackets."""
    COMMENT = 2
    ATTACHED = 3
    """A decorator or an attribute: it belongs to what is below."""
    CLOSING = 4
    """It belongs to what is above."""
    END = 5
    """The same, unless it is further out: then it belongs to what is around."""
    PLAIN = 6


_KINDS = {kind.name: kind for kind in Kind}


class Unit(NamedTuple):
    """A line and what is further in below it.

    Attributes:
        span: its lines, with the comments and decorators above.
        head: the line; `None` for what stands before the first one.
    """

    span: Span
    head: int | None


class Levels(NamedTuple):
    """The lines of a file: what each is, and how far in it stands; the level of a blank line says nothing."""

    kinds: Sequence[Kind]
    levels: Sequence[int]

    def units(self, span: Span) -> Iterator[Unit]:
        """What begins in the outermost level of some lines; every line belongs to one unit."""
        before = span.first - 1
        kinds, levels = self.kinds[before : span.last], self.levels[before : span.last]
        outermost = min((level for level, kind in zip(levels, kinds, strict=True) if kind is Kind.PLAIN), default=0)
        starts: dict[int, int | None] = {span.first: None}
        above: list[int] = []
        is_apart, is_attached = True, False
        for line, (kind, level) in enumerate(zip(kinds, levels, strict=True), span.first):
            if kind is Kind.BLANK:
                is_apart = True
            elif kind is Kind.END and level < outermost:
                starts |= dict.fromkeys([*above, line])
                above.clear()
            elif kind in (Kind.CLOSING, Kind.END) or (level > outermost and kind is not Kind.INSIDE):
                if not is_attached:
                    above.clear()
                    is_apart = True
            elif kind is Kind.PLAIN:
                starts |= dict.fromkeys(above)
                starts[above[-1] if above and not is_apart else line] = line
                above.clear()
                is_apart, is_attached = True, False
            elif level == outermost and kind is not Kind.INSIDE:
                if is_apart:
                    above.append(line)
                is_apart, is_attached = False, kind is Kind.ATTACHED
        starts |= dict.fromkeys(above)
        heads = [*starts.values()]
        for place, (first, behind) in enumerate(pairwise([*starts, span.last + 1])):
            yield Unit(Span(first, behind - 1), heads[place])

    def below(self, unit: Unit) -> int | None:
        """The first line within a unit that is further in than its head; `None` where there is none."""
        if unit.head is None:
            return None
        level = self.levels[unit.head - 1]
        inner = range(unit.head + 1, unit.span.last + 1)
        return next(
            (line for line in inner if self.kinds[line - 1] > Kind.INSIDE and self.levels[line - 1] > level), None
        )


def read_levels(lines: Sequence[str], language: Language) -> Levels:
    """The levels of the lines of a source file."""
    depths = _depths(lines, language) or [0] * len(lines)
    kinds, found = [], []
    for line, depth in zip(lines, depths, strict=True):
        text = line.strip()
        if not text:
            kinds.append(Kind.BLANK)
            found.append(0)
            continue
        kinds.append(_kind(text, depth, language))
        closed = len(text) - len(text.lstrip(_CLOSERS)) if depth else 0
        indented = 0 if line[0] == text[0] else column(line, _MOST_COLUMNS - 1)
        found.append(indented + _MOST_COLUMNS * max((depth or 0) - closed, 0))
    return Levels(kinds, found)


def _kind(text: str, depth: int | None, language: Language) -> Kind:
    if depth is None or (depth and not language.has_braces):
        return Kind.INSIDE
    if text[0] not in _TELLING and text[-1] not in _TELLING_AT_END:
        return Kind.PLAIN
    found = _KIND.match(text)
    if language.has_braces and (found is None or text[0] == "#"):
        return _kind_among_braces(text, depth)
    return _KINDS[found.lastgroup or ""] if found is not None else Kind.PLAIN


def _kind_among_braces(text: str, depth: int) -> Kind:
    if text[0] == "#":
        if text.startswith("#["):
            return Kind.ATTACHED
        # What is meant for a preprocessor stands in the first column wherever it is.
        return Kind.INSIDE if depth else Kind.PLAIN
    ending = text[-1]
    if ending == ":" and _LABEL.fullmatch(text):
        return Kind.END
    if (ending.isalnum() or ending in "*&>") and _RETURN_TYPE.fullmatch(text):
        return Kind.ATTACHED
    return Kind.PLAIN


def _depths(lines: Sequence[str], language: Language) -> list[int | None] | None:
    """How many brackets are open where each line begins; `None` for one within a string or a comment.

    Nothing at all where brackets don't match, or a string never ends.
    """
    if language.skipped is None:
        return None
    text = language.skipped.sub(_only_breaks, "\n".join(lines))
    if text.endswith(_NEVER_ENDS):
        return None
    brackets = text.encode("ascii", "replace").translate(_OPEN_AND_CLOSE, _NO_BRACKETS)
    for _ in range(3):
        brackets = brackets.replace(b"()", b"")
    depths: list[int | None] = []
    depth = 0
    for line, found in zip(lines, brackets.split(b"\n"), strict=True):
        if depth and not language.has_braces and line.startswith(_RESTARTS):
            depth = 0
        depths.append(None if found.startswith(_INSIDE) else depth)
        for bracket in found.strip(_INSIDE):
            depth += 1 if bracket == _OPEN else -1
            if depth < 0:
                if language.has_braces:
                    return None
                depth = 0
    return None if depth and language.has_braces else depths


def _only_breaks(found: re.Match[str]) -> str:
    """The line breaks of a string or comment, and that there is more of it behind them."""
    text = found[0]
    if "\n" not in text:
        return ""
    never_ends = found.end() == len(found.string) and not text.endswith(("*/", "'", '"', "`", "$"))
    return "\n\1" * text.count("\n") + (_NEVER_ENDS if never_ends else "")
