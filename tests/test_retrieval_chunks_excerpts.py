"""What is shown of a chunk, and what a question is taken for."""

import unicodedata
from time import thread_time

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.retrieval.ranking.excerpts import excerpt
from ckservice.retrieval.ranking.query import candidate_ids, match_any, pairs, words

pytestmark = pytest.mark.source

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HOSTILE = ["x" * 1_000_000, "aB" * 5000, "T-1 " * 3000, '"*NEAR(-' * 2000, "\ud800 a", "e\u0301" * 5000, "./#@" * 3000]


@pytest.mark.parametrize(
    ("body", "asked", "shown"),
    [
        ("one\ntwo\nthree", {"three"}, "three"),
        ("one\ntwo\nthree", {"two"}, "two\nthree"),
        ("\n\none\ntwo", {"nothing"}, "one\ntwo"),
        ("a = 1\ndef renewSessionToken():\n", {"session"}, "def renewSessionToken():"),
        ("a = 1\nHTTPServer()\n\n", {"http"}, "HTTPServer()"),
        ("it waits\nit is watered\n\n", {"watering"}, "it is watered"),
        ("internal\ninterface\n\nx", {"interface"}, "interface"),
        ("x\nDas Café\n\nx", {"cafe"}, "Das Café"),
        ("title: Frost\nid: frost\nobjective: Frost kills.\n\nx", {"frost"}, "objective: Frost kills."),
        ("import frost\nx = 1\n\nfrost(1)\n\n", {"frost"}, "frost(1)"),
        ("title: Frost warning\nx: y\nobjective: Frost.\n\nx", {"frost", "warning"}, "title: Frost warning\nx: y"),
        ("frost here\n\nfrost and wind\nrain\n", {"frost", "wind", "rain"}, "frost and wind\nrain"),
    ],
)
def test_the_lines_are_shown_that_say_most_of_what_is_asked(body: str, asked: set[str], shown: str) -> None:
    found = excerpt(body, body.count("\n") + 10, asked)
    assert found.text == shown
    lines = body.split("\n")
    assert "\n".join(lines[found.first_line - 10 : found.last_line - 9]) == shown


def test_a_long_line_is_shown_where_its_words_stand_close_together_and_whole() -> None:
    filler = "nothing of that kind " * 100
    line = f"{filler}frost {filler}late frost in spring kills {filler}"
    found = excerpt(line, 7, {"frost", "spring", "kills"})
    assert "late frost in spring kills" in found.text
    assert len(found.text) <= 300
    assert set(found.text.split()) <= set(line.split())
    assert (found.first_line, found.last_line) == (7, 7)


@pytest.mark.parametrize("piece", [FAMILY, "e\u0301", "\u2764\ufe0f"], ids=["family", "accent", "heart"])
def test_what_is_seen_as_one_character_is_not_cut(piece: str) -> None:
    for shift in range(8):
        text = excerpt("x" * shift + piece * 500, 1, {"nothing"}).text
        assert text.removeprefix("x" * shift).replace(piece, "") == ""
        assert 250 < len(text) <= 300


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.text(
            st.sampled_from("ab \t\U0001f600\u0301\xe9_-:") | st.characters(exclude_characters="\r\n"), max_size=400
        )
    ),
    st.sets(st.sampled_from(["a", "b", "ab", "é", "aab"])),
)
def test_an_excerpt_is_short_and_stands_on_its_lines(lines: list[str], asked: set[str]) -> None:
    body = "\n".join(lines)
    count = body.count("\n") + 1
    found = excerpt(body, count, asked)
    assert len(found.text) <= 300
    assert 1 <= found.first_line <= found.last_line <= count
    there = body.split("\n")[found.first_line - 1 : found.last_line]
    assert found.text in "\n".join(there)
    assert found.text.count("\n") == len(there) - 1


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("FEAT-001", "FEAT-001"),
        ("T-12", "T-012"),
        ("feat 1", "feat-001"),
        ("US12?", "US-012"),
        ("what of svc-git?", "svc-git"),
        ("docs/api.md#errors", "docs/api.md#errors"),
        ("what is in src/__init__.py.", "src/__init__.py"),
        (".context/rules/a.yaml", ".context/rules/a.yaml"),
        ("src/x.rb#Foo.bar@2", "src/x.rb#Foo.bar@2"),
    ],
)
def test_ids_are_seen_in_questions(question: str, first: str) -> None:
    assert first in candidate_ids(question)


@pytest.mark.parametrize("question", ["us 5 people", "T 1000 robots", "the task", "!?", "", "(-)"])
def test_what_is_no_id_is_not_taken_for_one(question: str) -> None:
    assert not [found for found in candidate_ids(question) if any(map(str.isdigit, found))]


def test_an_accent_may_be_a_character_of_its_own() -> None:
    assert words(unicodedata.normalize("NFD", "Cafés")) == ["cafés"]
    assert pairs(unicodedata.normalize("NFD", "café olé")) == [("café", "olé")]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_questions_take_a_moment_and_are_words_only(text: str) -> None:
    begun = thread_time()
    found = words(text)
    assert pairs(text) is not None
    assert all(len(name) <= 256 for name in candidate_ids(text))
    assert match_any(found).isprintable()
    assert all(word.replace(" ", "").isalnum() for word in found)
    excerpt(text * 3, 1, set(found))
    assert thread_time() - begun < 2
