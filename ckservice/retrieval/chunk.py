"""A chunk: a part of a file that is found, ranked and shown by itself."""

import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise

from ckservice.retrieval.types import SourceType

_WORD = re.compile(r"[A-Za-z0-9]+")
_HUMP_BEGINS = re.compile(r"[A-Z](?:(?<=[a-z0-9][A-Z])|(?=[A-Z][a-z]))")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]{2,}")
"""Chinese and Japanese, which have no spaces between words, and Korean, whose words have endings."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file, as they stand there.

    Attributes:
        path: of the file, relative to the repository, with `/`.
        order: place among the chunks of the file, from 0.
        entity_id: what it is found and cited by: that of the entity, `path#heading`, `path#definition`, or the path.
            Chunks of one file may share it.
        title: of the entity, headings or names of definitions from the outermost; one line.
        body: lines as they stand in the file. It ends on `last_line`; lines before it, such as the heading, may be left out.
            Where `first_line` is `last_line` it may be a part of that line.
        first_line: from 1.
        last_line: from 1; it belongs to the chunk.
    """

    path: str
    order: int
    entity_id: str
    entity_type: SourceType
    title: str
    body: str
    first_line: int
    last_line: int

    @property
    def identifiers(self) -> str:
        """The words in its identifiers: `get`, `user` and `name` for `getUserName`; and what `bigrams` has of it."""
        text = f"{self.entity_id}\n{self.title}\n{self.body}"
        humped = (line for line in text.split("\n") if _HUMP_BEGINS.search(line))
        found = [hump for line in humped for word in _WORD.findall(line) if not word.islower() for hump in humps(word)]
        return " ".join(found + bigrams(text))

    @property
    def text_hash(self) -> bytes:
        """What vectors are kept under: the first 16 bytes of the SHA-256 of what is embedded."""
        return hashlib.sha256(embedded_text(self.title, self.body).encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Link:
    """One entity names another; both by id. The target need not exist."""

    source: str
    target: str
    relation: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds.

    Attributes:
        links: `None` where the file is too broken to tell: those that it had are kept.
    """

    chunks: tuple[Chunk, ...]
    links: tuple[Link, ...] | None = ()


def embedded_text(title: str, body: str) -> str:
    """The text that the vector of a chunk is made of."""
    return f"{title}\n{body}"


def humps(identifier: str) -> list[str]:
    """The words in an identifier, in lower case: `http` and `server` in `HTTPServer`; none where it is one word."""
    if not _HUMP_BEGINS.search(identifier):
        return []
    return [word.lower() for word in _HUMP.findall(identifier)]


def bigrams(text: str) -> list[str]:
    """Each two characters side by side where a language puts no spaces between words; part of what they mean is in them.

    https://lucene.apache.org/core/9_0_0/analysis/common/org/apache/lucene/analysis/cjk/CJKBigramFilter.html
    """
    if text.isascii():
        return []
    return [f"{one}{other}" for run in _UNSPACED.findall(text) for one, other in pairwise(run)]
