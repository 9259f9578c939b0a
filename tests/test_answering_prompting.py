"""How much of which sources a model is told, and that the lines it is told are those it is said to be told."""

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.answering.prompting import MAX_TOKENS, fitting, messages
from ckservice.llm.estimate import estimate_tokens
from ckservice.llm.quoting import Quotation, read_quotations
from ckservice.retrieval.ranking.excerpts import excerpt
from ckservice.retrieval.ranking.search import Source
from ckservice.types import ChatRequest

pytestmark = pytest.mark.source

QUESTION = "Where is the needle?"


def source(body: str, name: str = "docs/long.md", last_line: int | None = None) -> Source:
    last = last_line or body.count("\n") + 1
    first = max(last - body.count("\n"), 1)
    shown = excerpt(body, last, {"needle"})
    return Source(name, "document", name, name, first, last, 1.0, shown, body, ("lexical",))


def given_to(sources: list[Source], question: str = QUESTION, max_tokens: int = MAX_TOKENS) -> list[Quotation]:
    system, told, asked = messages(question, sources, max_tokens)
    assert (system.role, told.role, asked.role, asked.content) == ("system", "user", "user", question)
    return read_quotations(told.content)


def tokens(sources: list[Source], question: str = QUESTION, max_tokens: int = MAX_TOKENS) -> int:
    return estimate_tokens(ChatRequest(messages(question, sources, max_tokens), model="m"))


def test_what_fits_is_told_whole() -> None:
    sources = [source("one\ntwo", last_line=9), source("", "empty"), source("three\n", "docs/three.md")]
    assert fitting(QUESTION, sources) == sources
    found = given_to(sources)
    assert [(one.number, one.text, one.first_line, one.last_line) for one in found] == [
        (1, "one\ntwo", 8, 9),
        (2, "", 1, 1),
        (3, "three\n", 1, 2),
    ]


def test_the_most_relevant_that_fit_are_told() -> None:
    sources = [source("word " * 1000, f"{number}.md") for number in range(20)]
    fitted = fitting(QUESTION, sources)
    assert fitted == sources[: len(fitted)]
    assert 3 <= len(fitted) < 6
    small = source("little", "small.md")
    assert fitting(QUESTION, [*sources, small])[-1] == small


def test_a_long_question_leaves_room_for_a_source() -> None:
    assert len(fitting("\u6c34" * 10_000, [source("word\n" * 2000)])) == 1


def test_a_source_is_cut_around_what_was_found_in_it() -> None:
    lines = [f"line {number}" for number in range(1, 3001)]
    lines[1999] = "the needle"
    (found,) = given_to([source("\n".join(lines), last_line=3100)])
    shown = found.text.split("\n")
    assert found.first_line <= 2100 <= found.last_line
    assert shown[2100 - found.first_line] == "the needle"
    assert found.text == "\n".join(lines[found.first_line - 101 : found.last_line - 100])


def test_a_line_that_is_too_long_is_cut_between_characters() -> None:
    (found,) = given_to([source("\u6c34\U0001f680" * 20_000)])
    assert set(found.text) == {"\u6c34", "\U0001f680"}
    assert 1_000 < len(found.text) < 2_000


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 9, 60]), st.integers(0, 30), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 10_000),
    st.sampled_from([MAX_TOKENS, MAX_TOKENS // 2]),
)
def test_no_prompt_is_longer_than_it_may_be(shapes: list[tuple[int, int, bool]], length: int, most: int) -> None:
    sources = [
        source("\n".join(["w\u00f6rd " * width] * count + ["needle"] * has_needle), f"{place}.md")
        for place, (count, width, has_needle) in enumerate(shapes)
    ]
    question = "q" * length
    fitted = fitting(question, sources)
    assert fitted[0] == sources[0]
    assert tokens(fitted, question, most) <= most * 1.1
    found = given_to(fitted, question, most)
    assert [one.path for one in found] == [one.path for one in fitted]
    for one, whole in zip(found, fitted, strict=True):
        lines = whole.body.split("\n")[one.first_line - 1 : one.last_line]
        assert "\n".join(lines).startswith(one.text)
