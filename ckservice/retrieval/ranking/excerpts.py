"""The lines of a chunk that show why it was found."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ckservice.retrieval.chunk import humps

_MOST_CHARACTERS = 300
_MOST_READ = 20_000
_MOST_PLACES = 500
_LEAST_WORD = 40
"""Characters that are given up at most so that no word is cut."""

_WORD = re.compile(r"[^\W_]+")
_ENDING = re.compile(r"(?<=...)(?:ations?|ments?|ings?|ies|ers?|ed|es|ly|s|e|y)$")
_SAYS_LITTLE = re.compile(
    r"\s*(?:-\s{1,8})?[\"']?(?:id|title|name|status|import|from|using|use|package|require|include|#include)\b(?!\()"
)
_LITTLE = 0.1
"""What such a line is worth less: it is shown where no other says as much."""

_SAME_STEM = 0.9
_SAME_BEGINNING = 0.3
_BEGINNING = 5
_CONTINUES = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file; `first_line` and `last_line` are numbers from 1, and both belong to it.

    Attributes:
        has_words: that were asked for.
    """

    text: str
    first_line: int
    last_line: int
    has_words: bool


def excerpt(body: str, last_line: int, asked: Collection[str]) -> Excerpt:
    """The two lines, one after the other, that have most of the words that are asked for; at most 300 characters.

    Args:
        body: lines of the file; the first ones where none has such a word.
        last_line: number of the last of them.
        asked: words in lower case.
    """
    lines = body.split("\n")
    words = _words(frozenset(asked))
    found = [words.on(line[:_MOST_READ]) for line in lines]
    best, place = 0.0, next((number for number, line in enumerate(lines) if line.strip()), 0)
    for number, here in enumerate(found):
        value = sum(here.values())
        if value:
            # The second line is worth having, and no reason to begin with a line that says nothing.
            following = found[number + 1] if number + 1 < len(found) else {}
            value += 0.5 * sum(worth for word, worth in following.items() if word not in here)
            value -= _LITTLE if _SAYS_LITTLE.match(lines[number]) else 0
        if value > best:
            best, place = value, number
    shown = [lines[place]]
    if len(shown[0]) < _MOST_CHARACTERS and place + 1 < len(lines) and lines[place + 1].strip():
        shown.append(lines[place + 1])
    text = _shortened(shown, words)
    first_line = last_line - len(lines) + 1 + place
    return Excerpt(text, first_line, first_line + text.count("\n"), best > 0)


@lru_cache(maxsize=4)
def _words(asked: frozenset[str]) -> "_Words":
    """The same for all sources of a search."""
    return _Words(asked)


class _Words:
    """Words that are asked for, as they may stand in a text. What was seen once is known the next time."""

    def __init__(self, asked: Collection[str]) -> None:
        plain = {word: _plain(word) for word in asked}
        beginnings = {word: known for word, known in plain.items() if len(known) >= _BEGINNING}
        self._exact = {known: word for word, known in plain.items()}
        self._stems = {_stem(known): word for word, known in plain.items()}
        self._beginnings = {known[:_BEGINNING]: word for word, known in beginnings.items()}
        self._starts = {known[:2] for known in plain.values()}
        self._seen: dict[str, list[tuple[str, float]]] = {}

    def on(self, line: str) -> Mapping[str, float]:
        """Those that stand on a line, and from 0 to 1 how surely they are the same."""
        found: dict[str, float] = {}
        for piece in _WORD.findall(line):
            for word, worth in self._in(piece):
                if worth > found.get(word, 0):
                    found[word] = worth
        return found

    def places(self, line: str) -> list[tuple[int, str]]:
        """Where they stand, the first so many."""
        places: list[tuple[int, str]] = []
        for piece in _WORD.finditer(line):
            for word, worth in self._in(piece[0]):
                if worth > _SAME_BEGINNING:
                    places.append((piece.start(), word))
            if len(places) >= _MOST_PLACES:
                break
        return places

    def _in(self, piece: str) -> list[tuple[str, float]]:
        if piece.islower() and piece.isascii() and piece[:2] not in self._starts:
            return []  # most words of a text
        if piece not in self._seen:
            found = (self._find(_plain(spoken)) for spoken in (piece, *humps(piece)))
            self._seen[piece] = [(word, worth) for word, worth in found if worth]
        return self._seen[piece]

    def _find(self, spoken: str) -> tuple[str, float]:
        if spoken in self._exact:
            return self._exact[spoken], 1.0
        if (stem := _stem(spoken)) in self._stems:
            return self._stems[stem], _SAME_STEM
        if (beginning := spoken[:_BEGINNING]) in self._beginnings:
            return self._beginnings[beginning], _SAME_BEGINNING
        return "", 0.0


def _plain(word: str) -> str:
    """A word without accents, in lower case."""
    word = word.lower()
    return word if word.isascii() else re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", word))


def _stem(word: str) -> str:
    return _ENDING.sub("", word)


def _shortened(lines: Sequence[str], words: _Words) -> str:
    """Lines as far as they fit; a long one from where most of its words stand."""
    line = lines[0]
    if len(line) <= _MOST_CHARACTERS:
        text = "\n".join(lines)
        text = text[: _end(text, _MOST_CHARACTERS)].rstrip()
        return text if "\n" in text else text.strip()
    start = _densest(words.places(line[:_MOST_READ]))
    start = _begin(line, max(start - _MOST_CHARACTERS // 4, 0))
    return line[start : _end(line, start + _MOST_CHARACTERS)].strip()


def _densest(places: Sequence[tuple[int, str]]) -> int:
    """The place behind which most different words stand closely enough to be shown together."""
    best, start, behind = 0, 0, 0
    seen: dict[str, int] = {}
    for first, word in places:
        while behind < len(places) and places[behind][0] - first < _MOST_CHARACTERS // 2:
            seen[places[behind][1]] = seen.get(places[behind][1], 0) + 1
            behind += 1
        if len(seen) > best:
            best, start = len(seen), first
        seen[word] -= 1
        if not seen[word]:
            del seen[word]
    return start


def _begin(text: str, offset: int) -> int:
    """The beginning of the word behind an offset, if it is near."""
    for place in range(offset, min(offset + _LEAST_WORD, len(text))):
        if place == 0 or text[place - 1].isspace():
            return place
    return _whole(text, offset)


def _end(text: str, offset: int) -> int:
    """The end of the word before an offset, if it is near."""
    if offset >= len(text):
        return len(text)
    for place in range(offset, max(offset - _LEAST_WORD, 0), -1):
        if text[place].isspace():
            return place
    return _whole(text, offset)


def _whole(text: str, offset: int) -> int:
    """An offset, or one a little before, that is not within what is seen as one character."""
    for place in range(offset, max(offset - _LEAST_WORD, 0), -1):
        before = text[place - 1]
        if not unicodedata.combining(text[place]) and text[place] not in _CONTINUES and before != "\u200d":
            return place
    return offset
