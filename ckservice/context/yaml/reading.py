"""From YAML text to JSON values: the core schema of YAML 1.2 with merge keys, as the app's own reader has it.

Dates, `yes` and `on` stay text. What a reader has to complain about is listed, and the rest is read all the same.
https://yaml.org/spec/1.2.2/#103-core-schema, https://yaml.org/type/merge.html
"""

import codecs
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ckservice.context.yaml.nodes import Broken, Lines, Node, compose
from ckservice.context.yaml.plain import plain
from ckservice.context.yaml.simple import values

FieldPath = tuple[str | int, ...]
"""Where a value stands in a document: `("steps", 2)` is the third item of `steps`."""

MAX_BYTES = 5 * 1024 * 1024
"""Size of a file that is read; entities have a few thousand bytes."""

_MAX_ALIASED = 200_000
"""Values that the aliases of a document stand for: ten lines can stand for billions."""

BYTE_ORDER_MARK = "\ufeff"

_PREFIX = "tag:yaml.org,2002:"
PLAIN_TAGS = frozenset(f"{_PREFIX}{name}" for name in ("int", "float", "bool", "null"))
_TAGS = {
    "scalar": PLAIN_TAGS | {f"{_PREFIX}str"},
    "sequence": frozenset({f"{_PREFIX}seq"}),
    "mapping": frozenset({f"{_PREFIX}map"}),
}
_NAMES = {"scalar": "value of JSON", "sequence": "list", "mapping": "mapping"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that can't be read, or not as it was meant; line and column from 1."""

    message: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text holds.

    Attributes:
        documents: one value for each; empty where the text is broken, or has none.
    """

    documents: tuple[Any, ...]
    problems: tuple[Problem, ...]


def decode(data: bytes) -> tuple[str, Problem | None]:
    """Bytes of a file as text, without byte order mark, and what is wrong with them.

    Where they are not UTF-8 the text has replacement characters.
    """
    if len(data) > MAX_BYTES:
        return "", Problem(f"has {len(data):,} bytes; at most {MAX_BYTES:,} are read", 1, 1)
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = Lines(before).position(len(before))
        return data.decode("utf-8-sig", "replace"), Problem("is not UTF-8 text", line, column)


def encode(text: str, original: bytes) -> bytes:
    """Text as the bytes of a file: with the byte order mark, if its bytes until now had one."""
    return (codecs.BOM_UTF8 if original.startswith(codecs.BOM_UTF8) else b"") + text.encode()


def split(text: str) -> list[str]:
    """The text of each document, with its `---` line; together they are the whole text.

    What stands before the first document, and behind the last, belongs to it; a text that holds none, or that can't be
    read, is one piece.
    """
    try:
        documents = compose(text.lstrip(BYTE_ORDER_MARK))
    except Broken:
        return [text]
    marks = len(text) - len(text.lstrip(BYTE_ORDER_MARK))
    starts = [0, *(marks + document.start for document in documents[1:])]
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


def read(text: str) -> Reading:
    """Read a text without byte order mark."""
    text = text.lstrip(BYTE_ORDER_MARK)
    simple = values(text)
    if simple is not None:
        return Reading(tuple(simple), ())
    lines = Lines(text)
    try:
        documents = compose(text)
    except Broken as broken:
        return Reading((), (Problem(broken.message, *lines.position(broken.offset)),))
    read, found = [], []
    for document in documents:
        construction = Construction()
        value = None
        try:
            value = construction.value(document.root)
        except Broken as broken:
            construction.problems.append((broken.message, broken.offset))
        read.append(value)
        found += construction.problems
    return Reading(tuple(read), tuple(Problem(message, *lines.position(offset)) for message, offset in found))


class Positions:
    """Where the values of a text stand."""

    def __init__(self, text: str) -> None:
        text = text.lstrip(BYTE_ORDER_MARK)
        self._lines = Lines(text)
        self._children: dict[int, dict[str | int, tuple[Node, Node]]] = {}
        try:
            self._documents = compose(text)
        except Broken:
            self._documents = []

    def of(self, path: FieldPath, document: int = 0, *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of a value; of what should hold it where it is missing.

        Args:
            path: of the value.
            document: which one of the text, from 0.
            key: give the place of the value's name, not of the value.
        """
        if document >= len(self._documents):
            return 1, 1
        node, anchors = self._documents[document].root, self._documents[document].anchors
        offset = node.start
        for part in path:
            holder = anchors.get(node.value, node) if node.kind == "alias" else node
            found = self._children_of(holder).get(part)
            if found is None:
                break
            name, node = found
            offset = name.start if key or (node.kind == "scalar" and node.start == node.end) else node.start
        return self._lines.position(offset)

    def _children_of(self, holder: Node) -> dict[str | int, tuple[Node, Node]]:
        """The nodes in another by their keys or places, each with that of its key."""
        if id(holder) not in self._children:
            children: dict[str | int, tuple[Node, Node]] = {}
            if holder.kind == "mapping":
                children = {name.value: (name, node) for name, node in holder.value if name.kind == "scalar"}
            elif holder.kind == "sequence":
                children = {place: (node, node) for place, node in enumerate(holder.value)}
            self._children[id(holder)] = children
        return self._children[id(holder)]


class Construction:
    """Values for the nodes of one document."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, int]] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._opened: set[str] = set()
        self._count = 0
        self._aliased = 0

    def value(self, node: Node) -> Any:
        """The value of a node; problems are listed, and stand for `None` where there is no other way.

        Raises:
            Broken: the aliases stand for too much.
        """
        before = self._count
        self._count += 1
        if node.kind == "alias":
            return self._alias(node)
        if node.anchor is not None:
            self._opened.add(node.anchor)
        if node.tag is not None and node.tag != "!" and node.tag not in _TAGS[node.kind]:
            self.problems.append(
                (f'has the tag "{node.tag}", which does not stand for a {_NAMES[node.kind]}', node.start)
            )
        if node.kind == "scalar":
            value = self._scalar(node)
        elif node.kind == "sequence":
            value = [self.value(item) for item in node.value]
        else:
            value = self._mapping(node)
        if node.anchor is not None:
            self._opened.discard(node.anchor)
            self._anchors[node.anchor] = (value, self._count - before)
        return value

    def _scalar(self, node: Node) -> Any:
        is_plain = node.style is None if node.tag is None else node.tag in PLAIN_TAGS
        return plain(node.value) if is_plain else node.value

    def _alias(self, node: Node) -> Any:
        if node.value in self._opened or node.value not in self._anchors:
            why = "it is itself part of" if node.value in self._opened else "nothing before it is marked with"
            self.problems.append((f'refers to "*{node.value}", which {why}', node.start))
            return None
        value, count = self._anchors[node.value]
        self._count += count
        self._aliased += count
        if self._aliased > _MAX_ALIASED:
            raise Broken(f"has aliases that stand for more than {_MAX_ALIASED:,} values", node.start)
        return value

    def _mapping(self, node: Node) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for name, inner in node.value:
            value = self.value(inner)
            if name.kind != "scalar":
                self.problems.append(("has a key that is not plain text", name.start))
            elif name.value == "<<" and name.style is None:
                for source in value if isinstance(value, list) else [value]:
                    if isinstance(source, dict):
                        merged = {**source, **merged}
                    else:
                        self.problems.append(('has a "<<" that does not refer to a mapping', name.start))
            else:
                if name.value in mapping:
                    self.problems.append((f'has "{name.value}" twice; the last one counts', name.start))
                mapping[name.value] = value
        return {**merged, **mapping} if merged else mapping
