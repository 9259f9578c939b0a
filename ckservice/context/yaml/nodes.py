"""The syntax of a YAML text as a tree, in which every node knows where it stands.

libyaml splits the text into events. The tree is built here, without recursion and to a bounded depth: libyaml's own
composer recurses, and a file of nothing but brackets would end the process.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ckservice.context.yaml.complaints import complaint

MAX_DEPTH = 100
"""Nodes inside one another; entities have less than ten."""

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line for libyaml, which is what YAML 1.1 says."""


Kind = Literal["scalar", "sequence", "mapping", "alias"]
_EDITOR_BREAK = re.compile("\r\n?|\n")
_LAST_BREAK = re.compile(f"(?:{BREAK.pattern})\\Z")


class Node:
    """One node.

    Attributes:
        kind: what `value` is: text, a list of nodes, a list of pairs of nodes, or the name of an anchor.
        start: offset of its first character in the text: of its tag or anchor, where it has them.
        end: offset behind its last character: behind its last value in a block collection; behind the last line, without
            its line break, of a block scalar.
        style: of a scalar: `None` (plain), `'`, `"`, `|`, `>`; of a collection: `flow` or `block`.
    """

    __slots__ = ("anchor", "end", "kind", "start", "style", "tag", "value")

    def __init__(  # noqa: PLR0917 - by name takes longer, and this runs for every scalar of a repository
        self,
        kind: Kind,
        start: int,
        end: int,
        value: Any,
        style: str | None = None,
        tag: str | None = None,
        anchor: str | None = None,
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.value = value
        self.style = style
        self.tag = tag
        self.anchor = anchor


@dataclass(slots=True)
class Document:
    """One document of a text.

    Attributes:
        root: its node; an empty document has an empty scalar.
        start: offset of its first character: that of the text, of its `---`, or behind the `...` line of the one before.
        anchors: the last node with each anchor.
    """

    root: Node
    start: int
    anchors: dict[str, Node]


class Broken(Exception):
    """The text is not YAML, or goes deeper than anything meant to be read.

    Attributes:
        offset: of the character where it goes wrong.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Lines:
    """Which line and column an offset is on, both from 1. Lines end where they do in editors: with CR, LF or both."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _EDITOR_BREAK.finditer(text))]

    def position(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def compose(text: str) -> list[Document]:
    """The documents of a text without byte order mark.

    Raises:
        Broken: at the first place where the text is not YAML.
    """
    try:
        parser = CParser(text)
    except UnicodeEncodeError as error:
        raise Broken("has half of a surrogate pair, which is no character", error.start) from None
    try:
        return _Builder(text).documents(parser)
    except yaml.MarkedYAMLError as error:
        raise Broken(*complaint(error, text)) from None
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes here.
        offset = len(text.encode()[: error.position].decode(errors="ignore"))
        raise Broken(f"has the character U+{ord(text[offset]):04X}, which YAML does not allow", offset) from None
    finally:
        parser.dispose()


class _Builder:
    """Puts nodes together from events, in the order of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._documents: list[Document] = []
        self._opened: list[Node] = []
        self._siblings: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._start = 0
        self._behind_end = 0

    def documents(self, parser: CParser) -> list[Document]:
        handlers: dict[Any, Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._mapping,
            SequenceStartEvent: self._sequence,
            MappingEndEvent: self._end_mapping,
            SequenceEndEvent: self._end_sequence,
            AliasEvent: self._alias,
            DocumentStartEvent: self._start_document,
            DocumentEndEvent: self._end_document,
        }
        while (event := parser.get_event()) is not None:
            handle = handlers.get(type(event))
            if handle is not None:
                handle(event)
        return self._documents

    def _scalar(self, event: Any) -> None:
        style = event.style or None
        end = event.end_mark.index
        node = Node("scalar", event.start_mark.index, end, event.value, style, event.tag, event.anchor)
        self._siblings.append(node)
        if style is not None and style in "|>":
            node.end = _last_line_end(self._text, node)
        if node.anchor is not None:
            self._anchors[node.anchor] = node

    def _alias(self, event: Any) -> None:
        self._siblings.append(Node("alias", event.start_mark.index, event.end_mark.index, event.anchor))

    def _mapping(self, event: Any) -> None:
        self._open("mapping", event)

    def _sequence(self, event: Any) -> None:
        self._open("sequence", event)

    def _open(self, kind: Kind, event: Any) -> None:
        style = "flow" if event.flow_style else "block"
        start = event.start_mark.index
        node = Node(kind, start, start, [], style, event.tag, event.anchor)
        self._siblings.append(node)
        self._siblings = node.value
        self._opened.append(node)
        if len(self._opened) > MAX_DEPTH:
            raise Broken(f"is nested more than {MAX_DEPTH} levels deep", start)
        if node.anchor is not None:
            self._anchors[node.anchor] = node

    def _end_mapping(self, event: Any) -> None:
        inner = self._siblings
        self._close(event).value = list(zip(inner[::2], inner[1::2], strict=True))

    def _end_sequence(self, event: Any) -> None:
        self._close(event)

    def _close(self, event: Any) -> Node:
        node = self._opened.pop()
        # Where a block ends, libyaml counts the comments and blank lines that follow.
        node.end = self._siblings[-1].end if node.style == "block" else event.end_mark.index
        self._siblings = self._opened[-1].value if self._opened else [node]
        return node

    def _start_document(self, event: Any) -> None:
        self._start = self._behind_end or (event.start_mark.index if self._documents else 0)
        self._siblings, self._anchors = [], {}

    def _end_document(self, event: Any) -> None:
        self._documents.append(Document(self._siblings[0], self._start, self._anchors))
        self._behind_end = _next_line(self._text, event.end_mark.index) if event.explicit else 0


def _last_line_end(text: str, block: Node) -> int:
    """Behind the last line of a block scalar; libyaml counts the blank lines that follow, whether they matter or not."""
    last = block.value.rstrip("\n").rpartition("\n")[2]
    if block.value.endswith("\n\n") or not last.strip(" \t"):
        return block.start + len(_LAST_BREAK.sub("", text[block.start : block.end]))
    end = block.start + len(text[block.start : block.end].rstrip(" \t\r\n\x85\u2028\u2029"))
    found = BREAK.search(text, end)
    return found.start() if found is not None else len(text)


def _next_line(text: str, offset: int) -> int:
    found = BREAK.search(text, offset)
    return found.end() if found is not None else len(text)
