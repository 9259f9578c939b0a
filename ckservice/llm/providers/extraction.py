"""An answer without a model: the statements of the sources that come closest to a question by their words."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum, log

from ckservice.llm.providers.statements import Statement, statements
from ckservice.llm.quoting import Quotation

_FOUND = "No model is connected; these statements of the repository come closest to the question:"
_NOT_FOUND = "No model is connected, and no statement of the sources comes close to the question."

_MOST = 5
_MOST_OF_ONE = 3
"""Statements of an answer, and of one source in it."""

_LEAST_SHARE = 0.5
"""Of the best score: what is further away is left out."""

_LEAST_COVERAGE = 0.5
_LEAST_OF_MUCH = 0.25
_ENOUGH_WORDS = 3
"""A statement comes close that has more than half of the question in it, or than a quarter, with so many words."""

_TITLE_WEIGHT = 0.5
"""What a word counts that stands in the title only."""

_WHOLE_WORDS = 8
"""A statement of fewer words says less, unless it is the value that was asked for."""

_CODE_WEIGHT = 0.25
"""What a line of code counts, which says less to most."""

_RUN = 3
_RUN_WEIGHT = 0.25
"""What so many words one behind the other add that stand so in the question, too."""

_MOST_QUESTION = 10_000
"""Characters; what comes behind them is not looked at."""

_LETTERS = 5
_LETTERS_OF_NAMES = 3
"""That tell what word it is, whatever its ending: an owner owns."""

# Ids are words, and scripts without spaces have words of about one character.
_WORD = re.compile(r"[a-z]{1,10}-[0-9]{1,9}|[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_ID = re.compile("[a-z]+-[0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMON = (
    "a about all an and any are as at be been but by can could did do does done explain for from had has have how"
    " i if in into is it its let long many may me much must my no not of often on one or our out please shall she"
    " should so some such tell than that the their them then there these they this to us use used uses using was"
    " we were what when where which who whom whose why will with work would you your"
)
"""Words of questions that say nothing of what is asked for."""

_WHO = "who"
_ASKS_WHO = {_WHO, "whose"}
_OWNER = "owner"
"""The value that says who, even where the question has no other word of it."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A statement of a source.

    Attributes:
        number: of the source.
        place: among all statements.
        words: of the question that are in it, or in the name of its value.
        around: that are in its title only.
        emphasis: what its words count, from how whole it is and how many of them follow one another as in the question.
    """

    number: int
    place: int
    text: str
    words: Collection[str]
    around: Collection[str]
    emphasis: float


class _Question:
    """What a question asks for.

    Attributes:
        words: that tell something.
        ids: those of them that are ids.
    """

    def __init__(self, text: str) -> None:
        stems = _stems(text[:_MOST_QUESTION])
        self.words = set(stems) - _COMMON_STEMS
        self.ids = {word for word in self.words if _ID.fullmatch(word)}
        self._asks_who = not _ASKS_WHO.isdisjoint(stems)
        self._runs = {run for run in _runs(stems) if not _COMMON_STEMS.issuperset(run)}

    def candidates(self, sources: Iterable[Quotation]) -> list[_Candidate]:
        found: list[_Candidate] = []
        for source in sources:
            titled = self.words.intersection(_stems(f"{source.title} {source.id}"))
            subject = "" if source.id.startswith(source.path) else source.id
            for statement in statements(source.path, source.text, subject):
                stems = _stems(statement.text)
                named = self._named(statement.name)
                words = self.words.intersection(stems) | named
                emphasis = _wholeness(statement, is_asked_for=bool(named)) * (
                    1 + _RUN_WEIGHT * self._shared_runs(stems)
                )
                text = f"{statement.subject} {statement.text}".strip()
                found.append(_Candidate(source.number, len(found), text, words, titled - words, emphasis))
        return found

    def _named(self, name: str) -> set[str]:
        """The words that ask for the value of a name."""
        stems = _stems(name)
        beginnings = {stem[:letters] for stem in stems for letters in range(_LETTERS_OF_NAMES, _LETTERS)}
        who = {_WHO} if self._asks_who and _OWNER in stems else set[str]()
        return self.words.intersection(beginnings.union(stems)) | who

    def _shared_runs(self, stems: Sequence[str]) -> int:
        return len(self._runs.intersection(_runs(stems))) if self._runs else 0


def extract(question: str, sources: Sequence[Quotation]) -> str:
    """A list of statements, in the order of the sources, each with the marks of those that make it."""
    asked = _Question(question)
    chosen = _chosen(asked, asked.candidates(sources))
    if not chosen:
        return _NOT_FOUND
    marks: dict[str, list[int]] = {}
    for candidate in sorted(chosen, key=lambda candidate: candidate.place):
        marks.setdefault(candidate.text, []).append(candidate.number)
    lines = (f"- {text} {''.join(f'[{number}]' for number in dict.fromkeys(marks[text]))}" for text in marks)
    return "\n".join((_FOUND, *lines))


def _wholeness(statement: Statement, *, is_asked_for: bool) -> float:
    if statement.is_code:
        return _CODE_WEIGHT
    return 1 if is_asked_for else 0.5 + 0.5 * min(len(statement.text.split()) / _WHOLE_WORDS, 1)


def _chosen(asked: _Question, candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The best, if there are any that come close."""
    scores = _scores(asked, candidates)
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


def _scores(asked: _Question, candidates: Sequence[_Candidate]) -> dict[int, float]:
    """Those of the statements that come close, by their places."""
    held = Counter(word for candidate in candidates for word in candidate.words)
    weights = {word: log(1 + (len(candidates) + 1) / (held[word] + 1)) for word in (*asked.words, _WHO)}
    total = fsum(weights[word] for word in asked.words)  # a plain sum would depend on the order of sets
    scores: dict[int, float] = {}
    for candidate in candidates:
        told = asked.words.intersection((*candidate.words, *candidate.around))
        if not told or (asked.ids and asked.ids.isdisjoint(told)):
            continue
        inside = fsum(weights[word] for word in candidate.words)
        outside = fsum(weights[word] for word in candidate.around)
        least = _LEAST_OF_MUCH if len(told) >= _ENOUGH_WORDS else _LEAST_COVERAGE
        if inside + outside > least * total:
            scores[candidate.place] = (inside + _TITLE_WEIGHT * outside) * candidate.emphasis
    return scores


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(_HUMP.sub(" ", text).lower())]


def _stem(word: str) -> str:
    return (word.rstrip("s") or word)[:_LETTERS] if word.isalpha() else word


def _runs(stems: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(stems[first:] for first in range(_RUN)), strict=False)


_COMMON_STEMS = frozenset(map(_stem, _COMMON.split()))
