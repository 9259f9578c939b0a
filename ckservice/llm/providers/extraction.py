"""An answer without a model: the statements of the sources that come closest to a question by their words."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import fsum, log

from ckservice.llm.providers.statements import statements
from ckservice.llm.quoting import Quotation

_FOUND = "No model is connected; these statements of the repository come closest to the question:"
_NOT_FOUND = "No model is connected, and no statement of the sources comes close to the question."

_MOST = 5
_MOST_OF_ONE = 3
"""Statements of an answer, and of one source in it."""

_LEAST_SHARE = 0.5
"""Of the best score: what is further away is left out."""

_LEAST_COVERAGE = 0.25
_ENOUGH_WORDS = 3
"""A statement comes close that has a quarter of the question in it, or so many of its words."""

_TITLE_WEIGHT = 0.5
"""What a word counts that stands in the title only."""

_WHOLE_WORDS = 8
"""A statement of fewer words says less."""

_MOST_QUESTION = 10_000
"""Characters; what comes behind them is not looked at."""

_LETTERS = 5
"""That tell what word it is, whatever its ending."""

# Ids are words, and scripts without spaces have words of about one character.
_WORD = re.compile(r"[a-z]{1,10}-[0-9]{1,9}|[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMON = (
    "a about all an and any are as at be been but by can could did do does explain for from had has have"
    " how i if in into is it its let may me must my no not of on one or our out please shall she should"
    " so some such tell than that the their them then there these they this to us was we were what when"
    " where which who whom whose why will with would you your"
)
"""Words of questions that say nothing of what is asked for."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A statement of a source.

    Attributes:
        number: of the source.
        place: among all statements.
        words: of the question that are in it.
        around: that are in its title or name only.
        length: in words; code has none, and says less to most.
    """

    number: int
    place: int
    text: str
    words: Collection[str]
    around: Collection[str]
    length: int


def extract(question: str, sources: Sequence[Quotation]) -> str:
    """A list of statements, in the order of the sources, each with the marks of those that make it."""
    asked = _words(question[:_MOST_QUESTION]) - _COMMON_STEMS
    candidates = _candidates(asked, sources)
    held = Counter(word for candidate in candidates for word in candidate.words)
    weights = {word: log(1 + (len(candidates) + 1) / (held[word] + 1)) for word in asked}
    chosen = _chosen(candidates, weights)
    if not chosen:
        return _NOT_FOUND
    marks: dict[str, list[int]] = {}
    for candidate in sorted(chosen, key=lambda candidate: candidate.place):
        marks.setdefault(candidate.text, []).append(candidate.number)
    lines = (f"- {text} {''.join(f'[{number}]' for number in dict.fromkeys(marks[text]))}" for text in marks)
    return "\n".join((_FOUND, *lines))


def _candidates(asked: Collection[str], sources: Iterable[Quotation]) -> list[_Candidate]:
    candidates: list[_Candidate] = []
    for source in sources:
        titled = _words(f"{source.title} {source.id}").intersection(asked)
        subject = "" if source.id.startswith(source.path) else source.id
        for statement in statements(source.path, source.text, subject):
            words = _words(statement.text).intersection(asked)
            around = (titled | _words(statement.name).intersection(asked)) - words
            length = 0 if statement.is_code else len(statement.text.split())
            text = f"{statement.subject} {statement.text}".strip()
            candidates.append(_Candidate(source.number, len(candidates), text, words, around, length))
    return candidates


def _chosen(candidates: Sequence[_Candidate], weights: dict[str, float]) -> list[_Candidate]:
    """The best, if there are any that come close."""
    total = fsum(weights.values())  # a plain sum would depend on the order of sets
    scores: dict[int, float] = {}
    for candidate in candidates:
        covered = fsum(weights[word] for word in (*candidate.words, *candidate.around))
        is_close = len(candidate.words) + len(candidate.around) >= _ENOUGH_WORDS or covered >= _LEAST_COVERAGE * total
        if covered and is_close:
            inside = fsum(weights[word] for word in candidate.words)
            completeness = 0.5 + 0.5 * min(candidate.length / _WHOLE_WORDS, 1)
            scores[candidate.place] = (inside + _TITLE_WEIGHT * (covered - inside)) * completeness
    best = sorted((candidates[place] for place in scores), key=lambda candidate: -scores[candidate.place])
    least = max(scores.values(), default=0.0) * _LEAST_SHARE
    taken: Counter[int] = Counter()
    chosen: list[_Candidate] = []
    for candidate in best:
        if len(chosen) == _MOST or scores[candidate.place] < least:
            break
        if taken[candidate.number] < _MOST_OF_ONE:
            taken[candidate.number] += 1
            chosen.append(candidate)
    return chosen


def _words(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(_HUMP.sub(" ", text).lower())}


def _stem(word: str) -> str:
    return (word.rstrip("s") or word)[:_LETTERS] if word.isalpha() else word


_COMMON_STEMS = frozenset(map(_stem, _COMMON.split()))
