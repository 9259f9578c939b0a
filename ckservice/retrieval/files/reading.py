"""From the bytes of a file to what is indexed of it."""

import codecs
import re

from ckservice.context.secrets import mask_lines
from ckservice.retrieval.chunk import Contents
from ckservice.retrieval.chunking.files import read_contents
from ckservice.retrieval.types import LeftOut

_CONTROLS = bytes({*range(0x20)} - {*b"\t\n\v\f\r\x1b"}) + b"\x7f"
"""Bytes that texts don't have, but for a stray one. Logs of terminals are full of escapes."""

_MOST_CONTROLS = 0.01
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_LONG = 2000
_PROSE = re.compile(r"[\s\x80-\U0010ffff]")
_LEAST_PROSE = 0.1
"""In prose, a sixth of the characters are spaces; in what machines write for machines, a thirtieth."""


def parse(path: str, data: bytes) -> Contents | LeftOut:
    """The chunks and links of a file, with secrets masked; or why it is left out.

    Lines keep their numbers, as editors and Git count them.

    Args:
        path: relative to the repository, with `/`.
        data: all of the file.
    """
    text = decode(data)
    if text is None:
        return "binary"
    if is_generated(text):
        return "generated"
    return read_contents(path, mask_lines(text))


def decode(data: bytes) -> str | None:
    """The text of a file; `None` where it is none.

    It is UTF-8 or, with a byte order mark, UTF-16. What is neither, and has no character that is valid in UTF-8, is taken for
    Windows-1252, of which Latin-1 is a part: https://encoding.spec.whatwg.org/#names-and-labels.
    """
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return None if "\0" in text else text
    if b"\0" in data or len(data) - len(data.translate(None, _CONTROLS)) > _MOST_CONTROLS * len(data):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    has_valid = not text.replace("\ufffd", "").isascii()
    return text if has_valid else data.decode("cp1252", "replace")


def is_generated(text: str) -> bool:
    """Whether it was written for machines, such as minified code: more than half of it are long lines without spaces."""
    characters = sum(len(line) for line in text.split("\n") if len(line) > _LONG and _is_dense(line))
    return 2 * characters > len(text)


def _is_dense(line: str) -> bool:
    return len(line) - len(_PROSE.sub("", line)) < _LEAST_PROSE * len(line)
