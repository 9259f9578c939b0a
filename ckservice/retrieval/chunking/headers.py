"""What a line, and those below that go on with it, defines."""

import re
from collections.abc import Sequence

from ckservice.retrieval.chunking.languages import METHOD, Language

_MOST_LINES = 15
_MOST_CHARACTERS = 1500
"""Of a header: more than that is not what people write in one."""

_NO_NAMES = frozenset(
    [
        "assert",
        "await",
        "case",
        "catch",
        "defer",
        "delete",
        "do",
        "echo",
        "else",
        "elsif",
        "for",
        "foreach",
        "function",
        "guard",
        "if",
        "lock",
        "loop",
        "match",
        "new",
        "print",
        "require",
        "return",
        "select",
        "sizeof",
        "super",
        "switch",
        "synchronized",
        "throw",
        "try",
        "typeof",
        "unless",
        "until",
        "using",
        "when",
        "while",
        "with",
        "yield",
    ]
)
"""Words that stand where the name of a method would, and are none."""

_ANNOTATIONS = re.compile(r"(?:@[\w.]{1,80}(?:\([^()]{0,80}\))?\s{1,8}){0,4}")
_FIRST_WORD = re.compile(r"\w*")
_BRACKET = re.compile(r"[()]")
_BODY = re.compile(r"(?:[^{;=()]{0,300}|\s{0,80}:[^{;=]{0,400})\{")


def name_of(lines: Sequence[str], head: int, language: Language) -> str:
    """The name of what begins on a line; empty where nothing is defined."""
    line = lines[head - 1].strip()[:_MOST_CHARACTERS]
    found = _ANNOTATIONS.match(line)
    line = line[found.end() :] if found is not None else line
    first = _FIRST_WORD.match(line)
    if first is not None and first[0] in _NO_NAMES and first[0] != "function":
        return ""
    for pattern in language.definitions:
        named = pattern.match(line)
        if named is not None and pattern is not METHOD:
            return _plain(".".join(group for group in named.groups() if group))
        if named is not None and named[1] not in _NO_NAMES:
            header = "\n".join([line, *lines[head : head + _MOST_LINES]])[:_MOST_CHARACTERS]
            if _has_body(header, named.end()):
                return _plain(named[1])
    return ""


def _plain(name: str) -> str:
    return "-".join(name.replace("::", ".").strip(".:-").split())


def _has_body(header: str, behind: int) -> bool:
    """Whether a brace follows the parentheses that are open."""
    depth = 1
    for bracket in _BRACKET.finditer(header, behind):
        depth += 1 if bracket[0] == "(" else -1
        if not depth:
            return _BODY.match(header, bracket.end()) is not None
    return False
