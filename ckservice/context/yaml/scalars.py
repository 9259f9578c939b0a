"""Scalars that change and keep their style."""

import re
from typing import Any

from ckservice.context.yaml.emitting import fits_literal, literal_lines, quoted, scalar
from ckservice.context.yaml.nodes import BREAK, Node

_SINGLE_QUOTED = re.compile("[^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]*")
_HEAD = re.compile(r"[|>]([-+0-9]*)([^\r\n]*)")
_NARROW = 40
"""Characters on a line of folded text, at least."""
_UNFOLDED = re.compile(r"^[ \t]|[ \t]$|[ \t]{2}|\t")


def inline(value: Any, style: str | None, *, in_flow: bool) -> str:
    """A scalar on one line, in the quotes that the one before it had, if it is text and they can hold it."""
    if isinstance(value, str):
        if style == "'" and _SINGLE_QUOTED.fullmatch(value):
            return f"""'{value.replace("'", "''")}'"""
        if style in ("'", '"'):
            return quoted(value)
    return scalar(value, in_flow=in_flow)


def block(source: str, node: Node, start: int, value: str, column: int) -> list[str] | None:
    """The lines of a block scalar that changes: its head, then its text; `None` where no block can hold the text.

    Args:
        source: the text that it stands in.
        node: it.
        start: offset of its `|` or `>`.
        value: what it is to hold.
        column: where the block starts that it belongs to, from 0.
    """
    if not fits_literal(value):
        return None
    head, *body = BREAK.split(source[start : node.end])
    found = _HEAD.match(head)
    filled = [line for line in body if line.strip(" \t")]
    if found is None or not filled:
        return None
    digits = found[1].strip("-+")
    inner = column + int(digits) if digits else min(len(line) - len(line.lstrip(" ")) for line in filled)
    step = inner - column
    if not 1 <= step <= 9:
        return None
    style, folded = "|", None
    if node.style == ">":
        folded = _folded([line[inner:] for line in body], value)
        style = "|" if folded is None else ">"
    literal, *lines = literal_lines(value, inner, step)
    if folded is not None:
        kept = value.removesuffix("\n")
        trailing = len(kept) - len(kept.rstrip("\n"))
        lines = [line and " " * inner + line for line in folded] + [""] * trailing
    if digits and literal[1:2] != digits:
        literal = f"|{digits}{literal[1:]}"
    return [f"{style}{literal[1:]}{found[2]}", *lines]


def _folded(before: list[str], value: str) -> list[str] | None:
    """The lines of text in a folded block; paragraphs that stay keep theirs. `None` where folding would change it."""
    if value.startswith("\n"):
        return None
    known: dict[str, list[str]] = {}
    paragraph: list[str] = []
    for line in [*before, ""]:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            known[" ".join(paragraph)] = paragraph
            paragraph = []
    width = max(_NARROW, *map(len, before))
    lines: list[str] = []
    for number, text in enumerate(value.rstrip("\n").split("\n")):
        if _UNFOLDED.search(text):
            return None
        lines += ([""] if number else []) if text else [""]
        lines += known.get(text) or (_wrapped(text, width) if text else [])
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if not lines[-1]:
            lines[-1] = word
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
