"""Changes to YAML that leave every byte alone that they are not about.

What a text holds is compared with what it is to hold, from the root down, and the places that differ are replaced. The
result is read again: where it is not what was asked for, more is written anew, in the end the whole document.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ckservice.context.yaml import block, flow, scalars
from ckservice.context.yaml.block import Place, replace_value
from ckservice.context.yaml.comparing import identity, match, same
from ckservice.context.yaml.emitting import emit, fits_literal, flow as flow_text, mapping_lines, sequence_lines
from ckservice.context.yaml.nodes import BREAK, MAX_DEPTH, Node, compose
from ckservice.context.yaml.reading import BYTE_ORDER_MARK, PLAIN_TAGS, Construction, read
from ckservice.context.yaml.spans import Entry, Source
from ckservice.context.yaml.splicing import Splices
from ckservice.nesting import is_deeper

_NOTHING = object()


def edit(text: str, data: Mapping[str, Any], document: int = 0) -> str:
    """Make one document of a text hold `data`, touching only the lines of what differs.

    Comments, order, quotes, indentation, line ends and everything in other documents stay. Keys that `data` has not are
    removed, with the comments about them (see `Source.extent`); new ones come behind the others. Where nothing differs
    the text comes back as it is.

    Args:
        text: that can be read, without byte order mark.
        data: JSON values.
        document: which one of the text, from 0.

    Raises:
        ValueError: the text can't be read, or has no such document, or `data` is nested deeper than is read.
    """
    if is_deeper(data, MAX_DEPTH - 1):
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    content = text.lstrip(BYTE_ORDER_MARK)
    if content != text:
        return f"{text.removesuffix(content)}{edit(content, data, document)}"
    documents = read(text).documents
    if document >= len(documents):
        raise ValueError(f"has no document {document}")
    if same(documents[document], data):
        return text
    wanted = [*documents]
    wanted[document] = data = dict(data)
    for changed in _attempts(text, documents[document], data, document):
        if changed is not None and same(list(read(changed).documents), wanted):
            return changed
    raise ValueError("can't be changed")


def _attempts(text: str, old: Any, data: dict[str, Any], document: int) -> Iterator[str | None]:
    """Texts that should hold `data`, the one that changes least first."""
    line_break = Source(text).line_break(len(text))
    is_closed = text.endswith(("\n", "\r"))
    closed = text if is_closed else text + line_break
    # A block scalar at the end of the text has a line break more when another line follows.
    for before in [old] if is_closed else [old, read(closed).documents[document]]:
        for is_coarse in (False, True):
            changed = _Change(closed, document, is_coarse=is_coarse).result(before, data)
            if changed is not None and not is_closed:
                yield changed.removesuffix(line_break)
            yield changed
    yield _anew(closed, emit(data).replace("\n", line_break), document)


def _anew(text: str, new: str, document: int) -> str:
    documents = compose(text)
    start = documents[document].start
    end = documents[document + 1].start if document + 1 < len(documents) else len(text)
    head = f"---{Source(text).line_break(start)}" if len(documents) > 1 else ""
    return f"{text[:start]}{head}{new}{text[end:]}"


class _Change:
    """The change of one document."""

    def __init__(self, text: str, document: int, *, is_coarse: bool) -> None:
        self._source = Source(text)
        self._splices = Splices(self._source)
        self._document = compose(text)[document]
        self._is_coarse = is_coarse
        self._now: dict[str, Any] = {}
        """What each anchor stands for once the change is made, as far as the text is gone through."""

    def result(self, old: Any, data: dict[str, Any]) -> str | None:
        """The text with the change made; `None` where that did not work out."""
        root = self._document.root
        if not (isinstance(old, dict) and data and self._mapping(root, old, data)):
            self._root(root, data)
        return self._splices.result()

    def _root(self, root: Node, data: dict[str, Any]) -> None:
        source = self._source
        is_first = source.is_first_on_line(root.start)
        column = source.column(root.start) if is_first else 0
        lines = list(mapping_lines(data, column)) if data else ["{}"]
        end = source.line_end(root.end) if root.end > root.start else root.start
        if is_first:
            self._splices.replace_lines(source.line_start(root.start), end, lines)
        else:
            self._splices.replace(root.start, root.start, source.line_break(root.start))
            self._splices.replace_lines(root.start, end, lines)

    def _value(self, node: Node, old: Any, new: Any, place: Place | None) -> None:
        """Make a node read as `new`. `place` is where it stands in a block; `None` in a flow collection."""
        if node.kind == "alias":
            if not same(self._now.get(node.value, _NOTHING), new):
                self._replace(node, new, place)
            return
        is_same = same(old, new)
        if is_same and not self._document.anchors:
            return
        if self._is_coarse and not is_same:
            is_kept = False
        elif node.kind == "mapping":
            is_kept = isinstance(old, dict) and isinstance(new, dict) and self._mapping(node, old, new)
        elif node.kind == "sequence":
            is_kept = isinstance(old, list) and isinstance(new, list) and self._sequence(node, old, new)
        else:
            is_kept = is_same or self._scalar(node, old, new, place)
        if not is_kept:
            self._replace(node, new, place)
        elif node.anchor is not None:
            self._now[node.anchor] = new

    def _replace(self, node: Node, new: Any, place: Place | None) -> None:
        if place is not None:
            replace_value(self._splices, node, new, place)
        else:
            self._splices.replace(node.start, node.end, flow_text(new))

    def _scalar(self, node: Node, old: Any, new: Any, place: Place | None) -> bool:
        """Change a scalar in its style; `False` where it needs another."""
        source, splices = self._source, self._splices
        is_text = isinstance(new, str)
        if isinstance(new, dict | list) or node.start == node.end or not _fits_tag(node.tag, new):
            return False
        start = source.content_start(node)
        if node.style in ("|", ">"):
            lines = scalars.block(source.text, node, start, new, place.column) if is_text and place else None
            if lines is None:
                return False
            first = source.line_end(start)
            splices.replace(start, start + len(source.text[start:first].rstrip("\r\n\x85\u2028\u2029")), lines[0])
            splices.replace_lines(first, source.line_end(node.end), lines[1:])
            return True
        is_long = is_text and "\n" in new and place is not None and fits_literal(new)
        if is_long and not (node.style is not None and isinstance(old, str) and "\n" in old):
            return False
        changed = scalars.inline(new, node.style, in_flow=place is None)
        splices.replace(start, node.end, changed if start < node.end else f" {changed}")
        return True

    def _mapping(self, node: Node, old: dict[str, Any], new: dict[str, Any]) -> bool:
        """Change the entries of a mapping; `False` where none of them stays."""
        source = self._source
        is_block = node.style == "block"
        if not is_block and source.text[source.content_start(node)] != "{":
            # An item such as `[key: value]`: braces are put around it when it changes.
            return same(old, new)
        entries = source.entries(node)
        names = [None if _is_merge(entry) else _name(entry) for entry in entries]
        places = {name: place for place, name in enumerate(names) if name is not None}
        merged = self._merged([entry.value for entry in entries if _is_merge(entry)])
        if merged is None or any(name not in new for name in merged):
            removed = {place for place, entry in enumerate(entries) if _is_merge(entry)}
            merged = {}
        else:
            removed = set()
        removed |= {place for place, name in enumerate(names) if name is not None and name not in new}
        if len(removed) == len(entries):
            return not entries and not new
        for place, name in enumerate(names):
            if name is not None and place not in removed and places[name] == place:
                self._entry(entries[place], old[name], new[name], is_block=is_block)
        added = {
            name: value
            for name, value in new.items()
            if name not in places and not same(merged.get(name, _NOTHING), value)
        }
        if is_block:
            lines = list(mapping_lines(added, source.column(entries[0].start)))
            block.change_entries(self._splices, entries, removed, {len(entries) - 1: lines})
        elif added or removed:
            last = max(set(range(len(entries))) - removed)
            texts = [flow_text({name: value})[1:-1] for name, value in added.items()]
            flow.change_entries(self._splices, entries, removed, {last: texts} if texts else {})
        return True

    def _merged(self, nodes: list[Node]) -> dict[str, Any] | None:
        """What merge keys bring in; `None` where the anchor that one refers to is gone."""
        merged: dict[str, Any] = {}
        for node in nodes:
            for source in node.value if node.kind == "sequence" else [node]:
                value = self._now.get(source.value) if source.kind == "alias" else Construction().value(source)
                if not isinstance(value, dict):
                    return None
                merged = {**value, **merged}
        return merged

    def _entry(self, entry: Entry, old: Any, new: Any, *, is_block: bool) -> None:
        node, source = entry.value, self._source
        if entry.mark is not None and is_block:
            self._value(node, old, new, Place(entry.mark, source.column(entry.start), entry.name is None))
        elif node.end > node.start:
            self._value(node, old, new, None)
        elif not same(old, new):
            colon = ":" if entry.mark is None else ""
            self._splices.replace(entry.end, entry.end, f"{colon} {flow_text(new)}")

    def _sequence(self, node: Node, old: list[Any], new: list[Any]) -> bool:
        """Change the items of a list; `False` where none of them stays, or it is better written anew."""
        source = self._source
        is_block = node.style == "block"
        matched = match(old, new)
        if not matched:
            if is_block or not old or not new:
                return not old and not new
            self._splices.replace(source.content_start(node), node.end, flow_text(new))
            return True
        entries = source.entries(node)
        removed = set(range(len(old))).difference(matched.values())
        is_compact = is_block and not source.is_first_on_line(entries[0].start)
        if is_compact and 0 in removed and 0 not in matched:
            return False
        added: dict[int, list[str]] = {}
        moved = {} if self._document.anchors else {identity(old[place]): place for place in removed}
        after = -1
        for place, value in enumerate(new):
            if place in matched:
                after = matched[place]
                self._entry(entries[after], old[after], value, is_block=is_block)
            else:
                before = moved.get(identity(value))
                added.setdefault(after, []).extend(self._item(entries, before, value, is_block=is_block))
        change_entries = block.change_entries if is_block else flow.change_entries
        change_entries(self._splices, entries, removed, added)
        return True

    def _item(self, entries: list[Entry], before: int | None, value: Any, *, is_block: bool) -> list[str]:
        """A new item: its lines, or its text in a flow list; those with its comments if it stood in another place."""
        source = self._source
        if not is_block:
            return [flow_text(value)]
        if before is not None and source.is_first_on_line(entries[before].start):
            start, end = source.extent(entries, before)
            return BREAK.split(source.text[start:end])[:-1]
        return list(sequence_lines([value], source.column(entries[0].start)))


def _fits_tag(tag: str | None, value: Any) -> bool:
    return tag is None or (isinstance(value, str) and tag not in PLAIN_TAGS)


def _name(entry: Entry) -> str | None:
    return entry.name.value if entry.name is not None and entry.name.kind == "scalar" else None


def _is_merge(entry: Entry) -> bool:
    return _name(entry) == "<<" and entry.name is not None and entry.name.style is None
