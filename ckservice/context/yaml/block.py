"""Changes to block collections: the lines of an entry come, go or stay as a whole."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckservice.context.yaml.emitting import entry_lines, sequence_lines
from ckservice.context.yaml.nodes import Node
from ckservice.context.yaml.spans import Entry
from ckservice.context.yaml.splicing import Splices

_INDICATORS = re.compile("[|>][-+0-9]*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a block.

    Attributes:
        mark: offset behind the dash or colon before it.
        column: of the entry, from 0.
        item: whether it is that of a list.
    """

    mark: int
    column: int
    item: bool


def change_entries(
    splices: Splices, entries: Sequence[Entry], removed: set[int], added: Mapping[int, Sequence[str]]
) -> None:
    """Take entries out of a block collection, and put lines behind others; one entry at least stays.

    Args:
        splices: of the text.
        entries: all there are.
        removed: the places of those that go.
        added: lines by the place of the entry that they follow; -1 is before the first.
    """
    source = splices.source
    staying = next(place for place in range(len(entries)) if place not in removed)
    for place in range(len(entries)):
        start, end = source.extent(entries, place)
        if place == 0 and added.get(-1) and place not in removed:
            _put_first(splices, entries, start, added[-1])
        if place in removed:
            if place > staying or source.is_first_on_line(entries[0].start):
                end = _remove_lines(splices, entries, place, start, end)
            elif place == 0:
                _close_up(splices, entries, staying)
        if place == 0 and added.get(-1) and place in removed:
            splices.replace_lines(end, end, added[-1])
        if added.get(place):
            splices.replace_lines(end, end, added[place])


def _put_first(splices: Splices, entries: Sequence[Entry], start: int, lines: Sequence[str]) -> None:
    source, first = splices.source, entries[0]
    if source.is_first_on_line(first.start):
        splices.replace_lines(start, start, lines)
        return
    # Beside the dash of the list around.
    column = source.column(first.start)
    line_break = source.line_break(first.start)
    shown = line_break.join([*lines, ""]).removeprefix(" " * column)
    splices.replace(first.start, first.start, f"{shown}{' ' * column}")


def _remove_lines(splices: Splices, entries: Sequence[Entry], place: int, start: int, end: int) -> int:
    source = splices.source
    before = entries[place - 1].end if place else 0
    if place and source.is_blank(before):
        # A block scalar that keeps its blank lines would keep those behind this entry too.
        while end < len(source.text) and source.is_blank(end):
            end = source.line_end(end)
    elif source.is_blank(end):
        # One of the gaps around it goes too.
        while start > source.line_end(before) and source.is_blank(start - 1):
            start = source.line_start(start - 1)
    splices.replace_lines(start, end, ())
    return end


def _close_up(splices: Splices, entries: Sequence[Entry], staying: int) -> None:
    """Remove the first entries of a collection that starts beside the dash of the list around it."""
    source = splices.source
    start, follower = entries[0].start, entries[staying].start
    above, _ = source.extent(entries, staying)
    if source.line_start(follower) == above:
        splices.replace(start, follower, "")
    else:
        spaces = len(source.text[:start]) - len(source.text[:start].rstrip(" \t"))
        splices.replace(start - spaces, above, source.line_break(start))


def replace_value(splices: Splices, node: Node, value: Any, place: Place) -> None:
    """Put another value into an entry, in the style of the house."""
    source = splices.source
    head, *body = _value_lines(value, place)
    mark_line_end = source.line_end(place.mark)
    if node.start == node.end:
        splices.replace(place.mark, place.mark, head)
        splices.replace_lines(mark_line_end, mark_line_end, body)
    elif node.start >= mark_line_end and (body or node.style == "block" or node.style in ("|", ">")):
        splices.replace(place.mark, place.mark, head)
        first = mark_line_end if body else source.line_start(node.start)
        splices.replace_lines(first, source.line_end(node.end), body)
    elif node.style in ("|", ">"):
        start = source.content_start(node)
        indicators = _INDICATORS.match(source.text, start)
        splices.replace(place.mark, indicators.end() if indicators is not None else start, head)
        splices.replace_lines(mark_line_end, source.line_end(node.end), body)
    elif not body:
        splices.replace(node.start, node.end, head.strip())
    else:
        splices.replace(place.mark, node.end, head)
        after = source.line_end(node.end)
        splices.replace_lines(after, after, body)


def _value_lines(value: Any, place: Place) -> list[str]:
    if place.item and value and isinstance(value, dict | list):
        head, *body = sequence_lines([value], place.column)
        return [head[place.column + 1 :], *body]
    return list(entry_lines("", value, place.column))
