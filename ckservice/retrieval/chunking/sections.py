"""Prose by its headings: what is below a heading goes by the headings above it, from the outermost."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ckservice.retrieval.chunking.lines import Passage, Span, packed, passages

_SEPARATOR = " > "
_NO_SLUG = re.compile(r"[^\w\- ]")


class Heading(NamedTuple):
    """A heading.

    Attributes:
        level: from 1, the outermost.
        words: as it reads.
        lines: that it stands on.
    """

    level: int
    words: str
    lines: Span


@dataclass(slots=True)
class _Section:
    """A heading and what is below it, up to the next one.

    Attributes:
        above: lines of the heading, or nothing before the first one.
        blocks: what it is made of.
    """

    slug: str
    title: str
    above: Span | None
    blocks: list[Span] = field(default_factory=list)


def by_headings(lines: Sequence[str], name: str, found: Iterable[Heading | Span]) -> Iterator[Passage]:
    """The passages of a text.

    A heading that has only further headings below it is part of their titles; the first of them has its lines.

    Args:
        lines: of the text.
        name: title of what has no heading.
        found: headings, and the blocks between them that stay whole if they fit.
    """
    sections = list(_sections(name, found))
    waiting: int | None = None
    for place, section in enumerate(sections):
        first = waiting
        if first is None and section.above is not None:
            first = section.above.first
        shown = list(passages(lines, section.slug, section.title, packed(lines, section.blocks), first=first))
        yield from shown
        waiting = None
        if not shown and section.above is not None:
            inner = sections[place + 1].title if place + 1 < len(sections) else ""
            if inner.startswith(section.title + _SEPARATOR):
                waiting = first
            else:
                yield from passages(lines, section.slug, section.title, [section.above], first=first)


def _sections(name: str, found: Iterable[Heading | Span]) -> Iterator[_Section]:
    section = _Section("", name, None)
    above: list[tuple[int, str]] = []
    slugs = _Slugs()
    for part in found:
        if isinstance(part, Span):
            section.blocks.append(part)
            continue
        yield section
        above = [(level, words) for level, words in above if level < part.level] + [(part.level, part.words)]
        title = _SEPARATOR.join(words for _, words in above if words) or name
        section = _Section(slugs.of(part.words), title, part.lines)
    yield section


class _Slugs:
    """What GitHub calls headings in a URL; a second one of the same words has a number.

    https://github.com/Flet/github-slugger
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def of(self, words: str) -> str:
        wanted = slug = _NO_SLUG.sub(_mark, words.lower()).replace(" ", "-") or "section"
        while slug in self._counts:
            self._counts[wanted] += 1
            slug = f"{wanted}-{self._counts[wanted]}"
        self._counts[slug] = 0
        return slug


def _mark(found: re.Match[str]) -> str:
    """What belongs to the character before it, such as an accent, stays."""
    return found[0] if unicodedata.category(found[0]).startswith("M") else ""
