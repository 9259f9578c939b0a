"""The words of a template, https://github.com/handlebars-lang/handlebars-parser/blob/master/src/handlebars.l."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ckservice.context.prompts.handlebars.errors import TemplateError

TokenKind = Literal[
    "content",
    "comment",
    "open",
    "open block",
    "open end",
    "open inverse",
    "open else",
    "else",
    "open unescaped",
    "close",
    "close unescaped",
    "(",
    ")",
    "=",
    "separator",
    "string",
    "@",
    "boolean",
    "nothing",
    "number",
    "as |",
    "|",
    "name",
    "segment",
    "end",
]


@dataclass(frozen=True, slots=True)
class Token:
    """A word.

    Attributes:
        text: as it stands in the template; of content, what is to be written.
        offset: of its first character.
    """

    kind: TokenKind
    text: str
    offset: int


_OPENINGS: tuple[tuple[TokenKind | None, re.Pattern[str]], ...] = (
    (None, re.compile(r"\{\{\{\{")),
    (None, re.compile(r"\{\{~?#?>")),
    (None, re.compile(r"\{\{~?#?\*")),
    ("open block", re.compile(r"\{\{~?#")),
    ("open end", re.compile(r"\{\{~?/")),
    ("else", re.compile(r"\{\{~?(?:\^\s*|\s*else\s*)~?\}\}")),
    ("open inverse", re.compile(r"\{\{~?\^")),
    ("open else", re.compile(r"\{\{~?\s*else\b")),
    ("open unescaped", re.compile(r"\{\{~?\{")),
    ("open", re.compile(r"\{\{~?&")),
    ("comment", re.compile(r"\{\{~?!(?=--)[\s\S]*?--~?\}\}")),
    ("comment", re.compile(r"\{\{~?!(?!--)[\s\S]*?\}\}")),
    ("open", re.compile(r"\{\{~?")),
)
"""How tags begin; `None` for kinds that there are not here. The first that fits counts."""

_UNSUPPORTED = {"{{{{": "raw blocks", ">": "partials", "*": "decorators"}

_NAME_END = r"(?=[=~}\s/.)|])"
_LITERAL_END = r"(?=[~}\s)])"
_WORDS: dict[TokenKind, str] = {
    "(": r"\(",
    ")": r"\)",
    "=": r"=",
    "name": rf"\.\.|\.{_NAME_END}",
    "separator": r"[/.]",
    "close unescaped": r"\}~?\}\}",
    "close": r"~?\}\}",
    "string": r""""(?:\\"|[^"])*"|'(?:\\'|[^'])*'""",
    "@": r"@",
    "boolean": rf"(?:true|false){_LITERAL_END}",
    "nothing": rf"(?:undefined|null){_LITERAL_END}",
    "number": rf"-?[0-9]+(?:\.[0-9]+)?{_LITERAL_END}",
    "as |": r"as\s+\|",
    "|": r"\|",
    "segment": r"\[(?:\\\]|[^\]])*\]",
}
_KINDS: tuple[TokenKind, ...] = (*_WORDS, "name")
_WORD = re.compile(
    r"\s*(?:" + "|".join(f"({word})" for word in (*_WORDS.values(), rf"[^\s!-,./;->@\[-^`{{-~]+{_NAME_END}")) + ")"
)
_BLANK = re.compile(r"\s*")
_UNCLOSED = {"!": "comment", '"': "text", "'": "text", "[": "name"}


def tokens(source: str) -> Iterator[Token]:
    """The words of a template, in order; the last one is its end.

    Raises:
        TemplateError: there is something that is no word, or one of a kind that there is not here.
    """
    place = 0
    while True:
        begin = source.find("{{", place)
        content = source[place : begin if begin >= 0 else len(source)]
        if begin < 0:
            if content:
                yield Token("content", content, place)
            break
        # `\{{` is written as it stands; `\\{{` is a backslash before a tag.
        is_escaped = content.endswith("\\") and not content.endswith("\\\\")
        content = content.removesuffix("\\")
        if content:
            yield Token("content", content, place)
        if is_escaped:
            place = _escaped_end(source, begin)
            yield Token("content", source[begin:place], begin)
        else:
            tag = _tag(source, begin)
            yield from tag
            place = tag[-1].offset + len(tag[-1].text)
    yield Token("end", "", len(source))


def _escaped_end(source: str, begin: int) -> int:
    """Where what is not to be taken for a tag ends: before the next one, and the backslashes before that."""
    end = source.find("{{", begin + 2)
    if end < 0:
        return len(source)
    backslashes = 0
    while backslashes < 2 and end - backslashes > begin + 2 and source[end - backslashes - 1] == "\\":
        backslashes += 1
    return end - backslashes


def _tag(source: str, begin: int) -> list[Token]:
    for kind, pattern in _OPENINGS:
        found = pattern.match(source, begin)
        if found is None:
            continue
        if kind is None:
            name = _UNSUPPORTED.get(found[0]) or _UNSUPPORTED[found[0][-1]]
            raise TemplateError(f"{name} are not supported", begin)
        opening = Token(kind, found[0], begin)
        return [opening] if kind in ("comment", "else") else [opening, *_words(source, found.end(), begin)]
    raise AssertionError("every tag begins in some way")


def _words(source: str, place: int, begin: int) -> list[Token]:
    words: list[Token] = []
    while not words or words[-1].kind not in ("close", "close unescaped"):
        found = _WORD.match(source, place)
        if found is None:
            raise _broken(source, place, begin)
        assert found.lastindex is not None
        words.append(Token(_KINDS[found.lastindex - 1], found[found.lastindex], found.start(found.lastindex)))
        place = found.end()
    return words


def _broken(source: str, place: int, begin: int) -> TemplateError:
    """Why no word can be read in a tag."""
    blank = _BLANK.match(source, place)
    offset = blank.end() if blank is not None else place
    character = source[offset : offset + 1]
    if character in _UNCLOSED:
        return TemplateError(f"the {_UNCLOSED[character]} is not closed", begin if character == "!" else offset)
    if source.find("}}", offset) < 0:
        return TemplateError("the tag is not closed", begin)
    return TemplateError(f"{character!r} does not belong in a tag", offset)
