"""From what somebody asks to what is looked up: words, identifiers taken apart, ids. Nothing raw gets into a MATCH.

https://www.sqlite.org/fts5.html#full_text_query_syntax
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from ckservice.retrieval.chunk import bigrams, humps

MOST_CHARACTERS = 10_000
_MOST_IDS = 16

_WORD = re.compile(r"[^\W_]+")
_IDENTIFIER = re.compile(r"(?<![^\W_])[^\W_]++(?:(?:_{1,8}|[./]|::|-(?=[0-9]))[^\W_]++)++")
_MOST_PIECES = 16
_ID = re.compile(r"[\w.][\w./#@+$-]{0,255}")
_NUMBERED = re.compile(r"([A-Za-z]{1,10}-)0*([0-9]{1,9})")
_SPOKEN = re.compile(r"(feat|us|spec|t)[ _]?0*([0-9]{1,9})", re.IGNORECASE)
"""A number of an entity as it is said."""

_STOP_WORDS = (
    "a about above after again against all also am an and any are aren as at be because been before being below between"
    " both but by can cannot could couldn did didn do does doesn doing don down during each either etc ever few for from"
    " further had has have having he her here hers him his how however i if in into is isn it its itself just let ll may"
    " me might more most must my myself no nor not of on once only or other ought our ours out over own please s same"
    " shall she should so some such t than that the their theirs them then there these they this those through to too"
    " under until up upon us very via was we were what when where whether which while who whom whose why will with within"
    " without would you your yours"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words of English that say nothing of what is looked for."""


def words(text: str) -> list[str]:
    """The words of a question in lower case, as often as they stand there; those in identifiers too.

    Stop words are left out, unless there is nothing else. An identifier of several pieces, `CACHE_URL`, is there as a whole
    as well, with spaces between them: what has all of them in a row is what is asked for.
    """
    found: list[str] = []
    for word in _WORD.findall(_asked(text)):
        parts = bigrams(word)
        if len(parts) != len(word) - 1 or not parts:  # else it is no word, but a sentence without spaces
            found.append(word.lower())
        found += parts or humps(word)
    return [word for word in found if word not in STOP_WORDS] + _identifiers(text) or found


def pairs(text: str) -> list[tuple[str, ...]]:
    """Words that stand side by side in a question, where stop words between them don't count, and with one between."""
    said = [word.lower() for word in _WORD.findall(_asked(text))]
    telling = [word for word in said if word not in STOP_WORDS]
    rows = [row for row in zip(said, said[1:], said[2:], strict=False) if len(STOP_WORDS.intersection(row)) == 1]
    return [*dict.fromkeys(pairwise(telling)), *dict.fromkeys(rows)]


def has_identifier(text: str) -> bool:
    """Whether somebody asks in the words of source code."""
    return bool(_identifiers(text)) or any(map(humps, _WORD.findall(_asked(text))))


def _identifiers(text: str) -> list[str]:
    pieces = (_WORD.findall(identifier) for identifier in _IDENTIFIER.findall(_asked(text)))
    return [" ".join(words).lower() for words in pieces if len(words) <= _MOST_PIECES][:_MOST_IDS]


def candidate_ids(text: str) -> list[str]:
    """What may be ids of entities in a question, in their order: `FEAT-001`, `svc-git`, `docs/api.md#errors`.

    A number may be written with fewer zeros than the id has: `T-12` is `T-012` as well. A single word is taken for an
    id only where it is all that is asked, and so is `feat 12`.
    """
    found: dict[str, None] = {}
    asked = _asked(text).strip().rstrip("?!.")
    said = _SPOKEN.fullmatch(asked)
    if said is not None:
        asked = f"{said[1]}-{said[2]}"
    for candidate in _ID.findall(asked):
        name = candidate.rstrip("./#@+-")
        if name == asked or not name.isalnum():
            found[name] = None
            numbered = _NUMBERED.fullmatch(name)
            if numbered is not None:
                found |= dict.fromkeys(f"{numbered[1]}{numbered[2]:0>{width}}" for width in (1, 2, 3, 4))
        if len(found) >= _MOST_IDS:
            break
    return list(found)


def _asked(text: str) -> str:
    text = text[:MOST_CHARACTERS]
    # An accent is a character of its own for some keyboards.
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def match_any(found: Iterable[str]) -> str:
    """An expression for MATCH: any of some words, each of which is letters, digits and spaces only."""
    return " OR ".join(f'"{word}"' for word in found)


def match_side_by_side(found: Iterable[tuple[str, ...]]) -> str:
    """An expression for MATCH: any of some rows of such words, one right behind the other."""
    return " OR ".join(f'"{" ".join(row)}"' for row in found)
