"""New YAML in the style of the house: block lists, quotes only where needed, the order of the schema.

What stands without quotes is the same text to readers of YAML 1.1, which know more words and numbers than those of 1.2.
https://yaml.org/spec/1.2.2/#chapter-10-recommended-schemas, https://yaml.org/type/
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckservice.context.yaml.nodes import MAX_DEPTH
from ckservice.nesting import is_deeper

STEP = 2
"""Spaces from a block to the one inside it."""

_WORDS = frozenset({"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<"})
_NUMBER = re.compile(
    r"""[-+]?(
        0b[01_]+ | 0o[0-7_]+ | 0x[0-9a-fA-F_]+
      | [0-9][0-9_]*(:[0-5]?[0-9])*(\.[0-9_]*)?([eE][-+]?[0-9]+)?
      | \.[0-9_]+([eE][-+]?[0-9]+)?
      | \.(inf|nan)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_TIME = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][-+0-9:.TtZz ]*)?")
_SYNTAX = re.compile(r"""[-?:,\[\]{}#&*!|>'"%@` ]|.*(:\ |\ \#|[:\ ]$)""", re.VERBOSE | re.DOTALL)
_FLOW_SYNTAX = re.compile(r"[,\[\]{}?]|:$|:[,\[\]{}]")
_SPECIAL = re.compile("[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that a reader may refuse, take for the end of a line, or nobody can see."""
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_LONGEST_KEY = 1000
"""Longer ones need a `?` before them: readers look 1,024 characters ahead for the colon."""


def emit(data: Mapping[str, Any]) -> str:
    """A mapping as a YAML document that reads back as the same; keys stay in their order.

    Raises:
        ValueError: it is nested deeper than is read.
    """
    if is_deeper(data, MAX_DEPTH - 1):
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    return "".join(f"{line}\n" for line in (mapping_lines(data, 0) if data else ["{}"]))


def mapping_lines(data: Mapping[str, Any], column: int) -> Iterator[str]:
    """The lines of a block mapping that starts in a column, from 0; of a mapping that has keys."""
    for name, value in data.items():
        key = scalar(name)
        if len(key) <= _LONGEST_KEY:
            yield from entry_lines(f"{' ' * column}{key}:", value, column)
        else:
            yield f"{' ' * column}? {key}"
            yield from entry_lines(f"{' ' * column}:", value, column)


def sequence_lines(data: Iterable[Any], column: int) -> Iterator[str]:
    """The lines of a block list that starts in a column, from 0; of a list that has items."""
    lead = f"{' ' * column}-"
    for value in data:
        if value and isinstance(value, dict | list):
            # The first line of an item stands beside its dash.
            lines = _collection_lines(value, column + STEP)
            yield f"{lead} {next(lines)[column + STEP :]}"
            yield from lines
        else:
            yield from entry_lines(lead, value, column)


def entry_lines(lead: str, value: Any, column: int, *, step: int = STEP) -> Iterator[str]:
    """The lines of a value behind its `key:` or `-`.

    Args:
        lead: what stands before it, with its indentation.
        value: any JSON value.
        column: where the block that it belongs to starts, from 0.
        step: by how many spaces the value goes further in, where it takes lines of its own.
    """
    if value and isinstance(value, dict | list):
        yield lead
        yield from _collection_lines(value, column + step)
    elif isinstance(value, str) and "\n" in value and fits_literal(value):
        head, *lines = literal_lines(value, column + step, step)
        yield f"{lead} {head}"
        yield from lines
    else:
        yield f"{lead} {scalar(value)}"


def _collection_lines(value: dict[str, Any] | list[Any], column: int) -> Iterator[str]:
    return mapping_lines(value, column) if isinstance(value, dict) else sequence_lines(value, column)


def scalar(value: Any, *, in_flow: bool = False) -> str:
    """A value that takes no lines of its own: quoted where plain text would read as something else."""
    match value:
        case str():
            return value if is_plain(value, in_flow=in_flow) else quoted(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            text = repr(value)
            # YAML 1.1 takes 1e+22 for text.
            return text if "." in text else text.replace("e", ".0e")
        case list() | dict():
            return flow(value)
        case _:
            return str(value)


def flow(value: Any) -> str:
    """A value as it stands inside brackets: on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(name, in_flow=True)}: {flow(inner)}' for name, inner in value.items())}}}"
    return scalar(value, in_flow=True)


def is_plain(text: str, *, in_flow: bool = False) -> bool:
    """Whether text stays the same text without quotes."""
    return not (
        text.lower() in _WORDS
        or _SYNTAX.match(text)
        or _SPECIAL.search(text)
        or (text[0] in "+.0123456789" and (_NUMBER.fullmatch(text) or _TIME.fullmatch(text)))
        or (in_flow and _FLOW_SYNTAX.search(text))
    )


def quoted(text: str) -> str:
    """Text in double quotes."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}")


def fits_literal(text: str) -> bool:
    """Whether a block of lines (`|`) can hold text, and people can see what it holds."""
    return bool(text.strip("\n")) and not (
        _SPECIAL.search(text.replace("\n", "").replace("\t", "")) or _BLANK_LINE.search(text)
    )


def literal_lines(text: str, column: int, step: int = STEP) -> list[str]:
    """The lines of a literal block: its head (`|`, `|-`, `|2+`), and its text in a column.

    Args:
        text: for which `fits_literal`.
        column: of the text.
        step: by how much that is further in than the block it belongs to.
    """
    body = text.removesuffix("\n")
    keep = "-" if body == text else "+" if body.endswith("\n") else ""
    indentation = str(step) if text[0] in "\n \t" else ""
    lines = [line and " " * column + line for line in body.split("\n")]
    return [f"|{indentation}{keep}", *lines]
