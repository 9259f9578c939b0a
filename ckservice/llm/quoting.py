"""Texts from files in a prompt: each has a number, and stands between marks that no text can forge.

Models know the form, which is that of https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/long-context-tips;
the offline provider reads it, too.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BEGIN = '<source number="'
_END = "</source>"
_HEAD = re.compile(
    r'<source number="([0-9]{1,9})" id="([^"]*)" title="([^"]*)" path="([^"]*)" lines="([0-9]{1,9})-([0-9]{1,9})">'
)
_MARK = re.compile(r"<(?=\s*/\s*source\b|source\b)", re.IGNORECASE)
_QUOTED_MARK = re.compile(r"&lt;(?=\s*/\s*source\b|source\b)", re.IGNORECASE)
_MOST_CHARACTERS = 300
"""Of an id, title or path."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """Some lines of a file.

    Attributes:
        number: that it is cited by.
        id: of the entity, or what the file has for one.
        title: of the entity; headings or names of definitions.
        path: of the file, with `/`.
        first_line: from 1.
        last_line: from 1; it belongs to the text.
        text: the lines.
    """

    number: int
    id: str
    title: str
    path: str
    first_line: int
    last_line: int
    text: str


def quote(quotations: Iterable[Quotation]) -> str:
    """Quotations as a model is given them."""
    return "\n".join(
        f'{_BEGIN}{quotation.number}" id="{_attribute(quotation.id)}" title="{_attribute(quotation.title)}"'
        f' path="{_attribute(quotation.path)}" lines="{quotation.first_line}-{quotation.last_line}">\n'
        f"{_MARK.sub('&lt;', quotation.text)}\n{_END}"
        for quotation in quotations
    )


def read_quotations(text: str) -> list[Quotation]:
    """The quotations in a text that is made of nothing else."""
    found: list[Quotation] = []
    head: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.split("\n") if text.startswith(_BEGIN) else ():
        if head is None:
            head, lines = _HEAD.fullmatch(line), []
        elif line != _END:
            lines.append(line)
        else:
            number, entity_id, title, path, first, last = head.groups()
            body = _QUOTED_MARK.sub("<", "\n".join(lines))
            found.append(Quotation(int(number), entity_id, title, path, int(first), int(last), body))
            head = None
    return found


def _attribute(text: str) -> str:
    """A text on one line, without what would end it."""
    return _MARK.sub("&lt;", " ".join(text.split()).replace('"', "'")[:_MOST_CHARACTERS])
