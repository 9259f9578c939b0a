"""Texts of a repository taken apart into statements that can stand alone, each on one line of Markdown.

Prose and comments are cut into sentences, YAML into values and items of lists, everything else into lines. Nothing in a statement is a mark
of a citation, or begins code that does not end in it.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

_MOST_CHARACTERS = 300
_SENTENCE_WORDS = 4
"""A value of so many words says something without its name."""

_PROSE = (".md", ".mdx", ".markdown", ".txt", ".rst", ".adoc", "")
_YAML = (".yaml", ".yml")

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])|(?<=[\u3002\uff01\uff1f])")
_BULLET = re.compile(r"(?:[-*+\u2022]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_NO_PROSE = re.compile(r"#{1,6}(?:\s|$)|[-=*_\s]{3,}$|\|[-|:\s]*$|<!--|:::|</?[A-Za-z][^<>]{0,500}>$")
_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()\s]{0,500}\)")
_SPANS = re.compile(r"(?:[^`]|`[^`]+`)*")
_SPAN_OR_MARK = re.compile(r"`[^`]+`|[\[\u3010\uff3b](?=\s?[0-9\uff10-\uff19])")
_TILDES = re.compile("~{2,}")

_COMMENT = re.compile(r"#+!?(?=\s|$)|///?!?(?=\s|$)|--(?=\s|$)|/?\*+(?=\s|$)|[rbf]?(?:\"\"\"|''')")
_QUOTES = ('"""', "'''")

_ENTRY = re.compile(
    r"(?P<before>[ \t]*(?:- +)*)(?:(?P<quote>[\"']?)(?P<name>[A-Za-z_$][\w$-]{0,80})(?P=quote):"
    r"(?:[ \t]+(?P<value>.*))?$|(?P<text>.*))",
    re.DOTALL,
)
_BLOCK = re.compile(r"[|>][-+0-9]{0,2}(?:\s+#.*)?")
_QUOTED = re.compile(r"""\"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|'((?:[^']|'')*)(?:'|\Z)""", re.DOTALL)
"""A quote that is never closed ends with the text, which may have been cut."""

_ITEM = re.compile(_QUOTED.pattern + r"|([^\s,\[\]][^,\[\]]*)", re.DOTALL)
_QUOTED_VALUE = re.compile(rf"(?<![^\s:,{{\[])(?:{_QUOTED.pattern})", re.DOTALL)
_END_OF_QUOTED = {'"': re.compile(r'(?:[^"\\]|\\.)*"'), "'": re.compile("(?:[^']|'')*'(?!')")}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPED = dict.fromkeys("0abe\n", "") | dict.fromkeys("tvN_LP ", " ") | dict.fromkeys("nrf", "\n")
"""What a letter behind a backslash stands for where it is read; others stand for themselves.

https://yaml.org/spec/1.2.2/#57-escaped-characters
"""

_SURROGATES = range(0xD800, 0xE000)
_FOLD = re.compile(r"((?<!\\)(?:\\\\)*\\)?\n+")
"""The end of a line, with the backslash that takes it away."""

_NO_BRACKETS = str.maketrans("", "", "[]{}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]")
_ARTICLE = re.compile(r"(?:an?|the)\s", re.IGNORECASE)
_STORY = ("asA", "iWant", "soThat")
_UNTOLD = ("id", "$schema")


class Statement(NamedTuple):
    """A statement.

    Attributes:
        name: of the value that it is or belongs to, in words.
        subject: what has to be said before it.
        is_code: it is a line of code.
    """

    text: str
    name: str = ""
    subject: str = ""
    is_code: bool = False


def statements(path: str, text: str, subject: str = "") -> Iterator[Statement]:
    """The statements of a text, in their order.

    Args:
        path: of its file, which says what kind of text it is.
        text: some of the lines.
        subject: the id of what they are about.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _YAML:
        yield from _of_yaml(text, subject)
    elif suffix in _PROSE:
        yield from _of_prose(text)
    else:
        yield from _of_code(text)


def _of_prose(text: str) -> Iterator[Statement]:
    paragraph: list[str] = []
    is_code = False
    for line in map(str.strip, text.split("\n")):
        bullet = _BULLET.match(line)
        is_fence = line.startswith(("```", "~~~"))
        is_apart = is_fence or is_code or not line or line.startswith("|") or _NO_PROSE.match(line) is not None
        if bullet or is_apart:
            yield from _sentences(paragraph)
            paragraph = []
        if is_fence:
            is_code = not is_code
        elif is_code:
            yield from _code(line)
        elif not is_apart:
            paragraph.append(line[bullet.end() :] if bullet else line)
        elif not _NO_PROSE.match(line):
            yield from _sentences([", ".join(filter(None, map(str.strip, line.split("|"))))])
    yield from _sentences(paragraph)


def _of_code(text: str) -> Iterator[Statement]:
    """Comments are prose, and what else stands in quotes of many lines; each other line is by itself."""
    comment: list[str] = []
    is_inside = False
    for line in map(str.strip, text.split("\n")):
        sign = _COMMENT.match(line)
        if is_inside or sign is not None:
            comment.append(_without_end(line[sign.end() :] if sign is not None else line))
        if not (is_inside or sign is not None) or not comment[-1]:
            yield from _sentences(comment)
            comment = []
        if not is_inside and sign is None:
            yield from _code(line)
        is_odd = sum(map(line.count, _QUOTES)) % 2 == 1
        is_inside = (
            not (is_odd or "*/" in line) if is_inside else is_odd or (line.startswith("/*") and "*/" not in line)
        )
    yield from _sentences(comment)


def _without_end(comment: str) -> str:
    for sign in (*_QUOTES, "*/"):
        comment = comment.removesuffix(sign)
    return comment.strip()


def _code(line: str) -> Iterator[Statement]:
    code = " ".join(line.split()).replace("`", "'")
    if any(map(str.isalnum, code)):
        yield Statement(f"`{_shortened(code)}`", is_code=True)


def _of_yaml(text: str, subject: str) -> Iterator[Statement]:
    story: dict[str, str] = {}
    for name, value in _values(text):
        if name in _STORY:
            story[name] = " ".join(value.split()).rstrip(".")
        elif name not in _UNTOLD:
            yield from _named(subject, name, value)
    if story:
        role, want, benefit = (story.get(name, "") for name in _STORY)
        parts = [
            f"As {role}" if _ARTICLE.match(role) else f"As a {role}" if role else "",
            f"I want {want}" if want else "",
            f"so that {benefit}" if benefit else "",
        ]
        told = ", ".join(filter(None, parts))
        yield Statement(_plain(f"{told[:1].upper()}{told[1:]}."), "user story")


def _named(subject: str, name: str, value: str) -> Iterator[Statement]:
    """The statements of a value; short ones say what they are, and of what."""
    words = _HUMP.sub(" ", name).lower().strip()
    for sentence in _of_prose(value):
        if len(sentence.text.split()) >= _SENTENCE_WORDS or not words:
            yield sentence._replace(name=words)
        else:
            yield Statement(f"{words}: {sentence.text}", words, _plain(" ".join(subject.split())))


@dataclass(slots=True)
class _Scalar:
    """A scalar that is being read: the columns are those where its line and its name begin."""

    name: str = ""
    column: int = -1
    name_column: int = -1
    is_block: bool = False
    quote: str = ""
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """A line that belongs to it."""
        opens = not self.lines and not self.is_block and line.lstrip()[:1] in _END_OF_QUOTED
        self.lines.append(line)
        if opens:
            self.quote, line = line.lstrip()[0], line.lstrip()[1:]
        if self.quote and _END_OF_QUOTED[self.quote].match(line):
            self.quote = ""

    def goes_on(self, line: str, entry: re.Match[str]) -> bool:
        """Whether a line belongs to it."""
        column = len(line) - len(line.lstrip())
        if self.is_block:
            return not line.strip() or column > self.name_column
        if self.quote:
            return not line.strip() or column > self.column
        return bool(self.lines) and entry["name"] is None and "-" not in entry["before"] and column > self.column

    def values(self) -> Iterator[tuple[str, str]]:
        """Its text; items of a list that it is where they are long."""
        if self.is_block:
            yield self.name, "\n".join(self.lines)
            return
        value = _folded(self.lines)
        quoted = _QUOTED.match(value)
        if quoted is not None:
            yield self.name, _unquoted(quoted)
        elif value.startswith("["):
            items = [_unquoted(item) if item[3] is None else item[3].strip() for item in _ITEM.finditer(value)]
            is_short = all(len(item.split()) < _SENTENCE_WORDS for item in items)
            yield from ((self.name, item) for item in ([", ".join(items)] if is_short else items))
        elif value.startswith("{"):
            yield self.name, _QUOTED_VALUE.sub(_unquoted, value.partition(" #")[0]).translate(_NO_BRACKETS)
        elif value:
            yield self.name, value.partition(" #")[0]


def _values(text: str) -> Iterator[tuple[str, str]]:
    """The scalars of YAML by their names, or that of their list. It is read line by line: it may have been cut anywhere."""
    scalar = _Scalar()
    for line in text.split("\n"):
        entry = _ENTRY.match(line)
        if entry is None or scalar.goes_on(line, entry):
            scalar.add(line)
            continue
        if not line.strip() or line.lstrip().startswith(("#", "---")):
            continue
        yield from scalar.values()
        before, name = entry["before"], entry["name"]
        value = (entry["value"] if name else entry["text"]) or ""
        column = len(before) - len(before.lstrip())
        name_column = len(before) if name else column
        is_block = _BLOCK.fullmatch(value.strip()) is not None
        name = name or (scalar.name if "-" in before else "")
        scalar = _Scalar(name, column, name_column, is_block)
        if value.strip() and not is_block:
            scalar.add(value)
    yield from scalar.values()


def _folded(lines: Iterable[str]) -> str:
    """Lines as they are read where they are not those of a block: https://yaml.org/spec/1.2.2/#65-line-folding."""
    text = "\n".join(map(str.strip, lines))
    return _FOLD.sub(lambda found: f"{found[1]}\n" if found[1] else "\n" * (len(found[0]) - 1) or " ", text)


def _unquoted(quoted: re.Match[str]) -> str:
    return _ESCAPE.sub(_unescaped, quoted[1]) if quoted[1] is not None else quoted[2].replace("''", "'")


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if not code:
        return _ESCAPED.get(escape[4], escape[4])
    number = int(code, 16)
    return chr(number) if number <= sys.maxunicode and number not in _SURROGATES else "\ufffd"


def _sentences(paragraph: Iterable[str]) -> Iterator[Statement]:
    for sentence in _SENTENCE_END.split(" ".join(" ".join(paragraph).split())):
        if any(map(str.isalnum, sentence)):
            yield Statement(_plain(sentence))


def _plain(sentence: str) -> str:
    """A sentence in which nothing is a mark, or the beginning of code without its end."""
    text = _shortened(_TILDES.sub("", _LINK.sub(r"\1", sentence)))
    text = text if _SPANS.fullmatch(text) else text.replace("`", "")
    return _SPAN_OR_MARK.sub(lambda found: found[0] if found[0][0] == "`" else "\\[", text)


def _shortened(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    return (text[:_MOST_CHARACTERS].rpartition(" ")[0] or text[:_MOST_CHARACTERS]) + " …"
