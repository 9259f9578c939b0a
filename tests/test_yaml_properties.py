"""YAML, whatever it holds and however untidy it is written: nothing is lost, and nothing is touched that stays."""

from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from ckservice.context.yaml.comparing import match, same
from ckservice.context.yaml.editing import edit
from ckservice.context.yaml.emitting import emit
from ckservice.context.yaml.reading import read, split
from tests.yaml_samples import Path, Ugly, change, mapping

pytestmark = pytest.mark.source

PROPERTY = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32)

AMBIGUOUS = (  # noqa: SIM905 - a list of these is a page
    "yes no on off y N ~ null NULL True = << 1_000 0x1F 012 0o17 0b11 2024-01-02 2024-01-02T10:00:00Z 1:30 190:20:30.15 "
    "1e5 1e+5 .5 1. 1.2.3 -0 +1 .inf -.INF .NaN 685_230.15 @owner - ? : --- ... % & * ! | > ` [ ] { } , # a: a:b #x"
).split()
TEXT = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.text(st.sampled_from("ab \n\t:#-?|>&*!%@`'\"{}[],019._+xe~=<\r\x85\u2028\ufeff\U0001f600"), max_size=10)
    | st.sampled_from(AMBIGUOUS)
)
SCALAR = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALAR | FLOATS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=10
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=5)


@PROPERTY
@given(OBJECTS)
def test_what_is_emitted_reads_back_the_same_here_and_elsewhere(data: dict[str, Any]) -> None:
    text = emit(data)
    assert text.endswith("\n")
    reading = read(text)
    assert not reading.problems
    assert identical(reading.documents[0], data)
    assert identical(yaml.safe_load(text), data)


@PROPERTY
@given(OBJECTS, OBJECTS)
def test_a_text_can_be_made_to_hold_anything(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert same(read(edit(emit(before), after)).documents[0], after)


@PROPERTY
@given(SEEDS)
def test_nothing_changes_where_nothing_differs(seed: int) -> None:
    text, data, _ = untidy(seed, anchors=True)
    assert edit(text, data) == text
    assert "".join(split(text)) == text


@PROPERTY
@given(SEEDS)
def test_one_change_touches_its_own_lines_only(seed: int) -> None:
    text, data, ugly = untidy(seed, anchors=False)
    changed, what, path = change(Random(seed + 1), data)
    assume(not same(data, changed))
    result = edit(text, changed)
    assert same(read(result).documents[0], changed)
    before, after = closed(text, text), closed(result, text)
    staying = [line for number, line in enumerate(before) if not may_change(ugly.lines, number, what, path)]
    rest = iter(after)
    assert [line for line in staying if line not in rest] == []  # each is looked for behind the one before
    assert len(after) - len(before) <= len(emit({"value": changed}).splitlines())


@PROPERTY
@given(SEEDS)
def test_texts_with_anchors_hold_what_was_asked_for(seed: int) -> None:
    text, data, _ = untidy(seed, anchors=True)
    changed, _, _ = change(Random(seed + 1), data)
    assert same(read(edit(text, changed)).documents[0], changed)


@PROPERTY
@given(SEEDS, st.integers(0, 2))
def test_other_documents_stay(seed: int, document: int) -> None:
    texts: list[str] = []
    changed: dict[str, Any] = {}
    for place in range(3):
        text, data, _ = untidy(seed + place, anchors=False)
        assume(not text.startswith("%"))
        texts.append(text if text.startswith("---") else f"---\n{text}")
        texts[-1] += "" if text.endswith("\n") else "\n"
        if place == document:
            changed, _, _ = change(Random(seed), data)
    whole = "".join(texts)
    result = edit(whole, changed, document)
    assert same(read(result).documents[document], changed)
    pieces = split(result)
    assert [pieces[place] for place in range(3) if place != document] == [
        texts[place] for place in range(3) if place != document
    ]


@PROPERTY
@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.integers(0, 5), max_size=12))
def test_as_much_of_a_list_stays_as_can(old: list[int], new: list[int]) -> None:
    matched = match(old, new)
    places = list(matched.values())
    assert list(matched) == sorted(matched)
    assert places == sorted(set(places))
    assert sum(old[here] == new[there] for there, here in matched.items()) == longest_common(old, new)


@PROPERTY
@given(st.text(st.sampled_from("ab: \n-#[]{}&*!|>'\"%@\t\r?,<~"), max_size=40))
def test_any_text_is_read_or_complained_about(text: str) -> None:
    reading = read(text)
    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in reading.problems)
    for number, value in enumerate(reading.documents):
        if isinstance(value, dict):
            assert edit(text, value, number) == text
            assert same(read(edit(text, {**value, "new": [1]}, number)).documents[number], {**value, "new": [1]})


def untidy(seed: int, *, anchors: bool) -> tuple[str, dict[str, Any], Ugly]:
    random = Random(seed)
    data = mapping(random, least=1)
    ugly = Ugly(random, anchors=anchors)
    text = ugly.text(data)
    # A block of lines at the end of the text needs a line break there.
    assume(same(list(read(text).documents), [data]))
    return text, data, ugly


def may_change(lines: list[tuple[Path, str]], number: int, what: str, path: Path) -> bool:
    about, line = lines[number]
    is_around = about == path[: len(about)]
    # Text that keeps the blank lines behind it takes the place of those that are there.
    if about[: len(path)] == path or not line.strip() or (is_around and any(bracket in line for bracket in "[{")):
        return True
    if what == "set":
        return False
    # A list or mapping that gets its first entry, or loses its last, is written anew; of one in brackets the entry before
    # gets a comma; what follows an entry beside the dash of the list around takes its place.
    holder = path if what == "move" else path[:-1]
    first = next((line for about, line in lines if about[: len(path)] == path and line.strip()), "")
    is_beside = first.lstrip().startswith("- ") and about[: len(holder)] == holder
    return is_around or is_beside or is_in_brackets(lines, number, holder)


def closed(text: str, before: str) -> list[str]:
    """The lines of a text, the last with a line break."""
    return (text if text.endswith("\n") else text + ("\r\n" if "\r\n" in before else "\n")).splitlines(keepends=True)


def is_in_brackets(lines: list[tuple[Path, str]], number: int, holder: Path) -> bool:
    opening = next(
        (line for about, line in lines if about == holder and line.split("#")[0].rstrip().endswith("[")), None
    )
    return opening is not None and lines[number][0][: len(holder)] == holder


def identical(one: Any, other: Any) -> bool:
    """Of the same types too, and with keys in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other)


def longest_common(old: list[int], new: list[int]) -> int:
    row = [0] * (len(new) + 1)
    for item in old:
        diagonal = 0
        for place, other in enumerate(new, 1):
            diagonal, row[place] = row[place], diagonal + 1 if item == other else max(row[place], row[place - 1])
    return row[-1]
