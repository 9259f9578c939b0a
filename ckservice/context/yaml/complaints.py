"""What libyaml complains about, in words for those who wrote the text."""

import re

import yaml

_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7}) ", re.MULTILINE)

_INDENTATION = "is the indentation right, and are texts with colons in quotes?"

_MESSAGES = {
    "mapping values are not allowed in this context": f"has a colon where no key can stand; {_INDENTATION}",
    "did not find expected key": f"has something other than a key where a key is expected; {_INDENTATION}",
    "did not find expected '-' indicator": "has something other than an item in a list; is the indentation right?",
    "block sequence entries are not allowed in this context": "has an item of a list where none can stand; "
    "it belongs on a line of its own",
    "did not find expected ',' or ']'": 'has neither a comma nor "]" behind an item of a list in brackets',
    "did not find expected ',' or '}'": 'has neither a comma nor "}" behind a value of a mapping in braces',
    "did not find expected node content": "has a bracket, brace or comma where a value is expected; text needs quotes",
    "did not find expected <document start>": "has something behind the end of the document; is it further out, or "
    'is a "---" missing before it?',
    "found unknown escape character": "has a backslash that means nothing in double quotes; single quotes leave it alone",
    "found invalid Unicode character escape code": "has an escape that stands for no character",
    "found a tab character where an indentation space is expected": "has a tab where spaces are needed",
    "found a tab character that violates indentation": "has a tab where spaces are needed",
    "did not find expected comment or line break": 'has text beside "|" or ">"; it belongs on the next line',
    "found undefined tag handle": "has a tag that is not declared; text with an exclamation mark needs quotes",
    "found incompatible YAML document": "asks for a version of YAML that is not known",
    "found duplicate %YAML directive": "says its version of YAML twice",
    "found unknown directive name": "has a directive that is not known; text with a percent sign needs quotes",
    "did not find expected alphabetic or numeric character": 'has "&" or "*" without a name; text with them needs quotes',
}

_OPENED = {
    "found unexpected end of stream": "opens a quotation that is never closed",
    "found unexpected document indicator": "opens a quotation that is never closed",
    "could not find expected ':'": "has a key without a colon",
}
"""What is better told where it begins than where it is noticed."""


def complaint(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int]:
    """What is wrong with a text, and the offset of the place."""
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        return "has unresolved merge conflict markers", conflict.start()
    problem = error.problem or ""
    begin, place = error.context_mark, error.problem_mark or error.context_mark
    if begin is not None and problem in _OPENED:
        return _OPENED[problem], begin.index
    offset = place.index if place is not None else 0
    if problem == "found character that cannot start any token":
        character = text[offset : offset + 1]
        if character == "\t":
            return "has a tab where spaces are needed", offset
        return f'has "{character}" where a value starts; text that starts with it needs quotes', offset
    explained = ", ".join(filter(None, (error.context, problem)))
    return _MESSAGES.get(problem) or f"is not YAML: {explained}", offset
