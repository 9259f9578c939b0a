"""Marks in an answer: which are citations, where they stand, what is left out; whatever pieces the answer comes in."""

import itertools
import time

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.answering.citing import Citation, Citing

pytestmark = pytest.mark.source

ROCKET = "\U0001f680"


def cite(pieces: str | list[str], sources: int = 3) -> Citing:
    """An answer in pieces, each character by itself where it is a text."""
    citing = Citing(sources)
    given_back = "".join([*map(citing.feed, pieces), citing.end()])
    assert given_back == citing.text
    return citing


def named(citing: Citing) -> list[int]:
    """The sources that are cited, from 1; fails where a citation does not stand where it says."""
    text = citing.text.encode("utf-16-le", "surrogatepass")
    for source, start, end in citing.citations:
        assert text[2 * start : 2 * end].decode("utf-16-le") == f"[{source + 1}]"
    return [citation.source + 1 for citation in citing.citations]


CITED = {
    "Weekly [1].": ("Weekly [1].", [1]),
    "Weekly. [1] Daily. [2]": ("Weekly. [1] Daily. [2]", [1, 2]),
    "[3] says so": ("[3] says so", [3]),
    "both [1][2].": ("both [1][2].", [1, 2]),
    "both [1] [2].": ("both [1] [2].", [1, 2]),
    "both [1, 2].": ("both [1][2].", [1, 2]),
    "both [1,2; 3].": ("both [1][2][3].", [1, 2, 3]),
    "all [1-3].": ("all [1][2][3].", [1, 2, 3]),
    "all [1\u20132, 3].": ("all [1][2][3].", [1, 2, 3]),
    "twice [2, 2].": ("twice [2].", [2]),
    "spaced [ 2 ].": ("spaced [2].", [2]),
    "\u6bcf\u5468\u4e00\u6b21\u30102\u3011\u3002": ("\u6bcf\u5468\u4e00\u6b21[2]\u3002", [2]),
    "\u6bcf\u5468\u4e00\u6b21[2]\u6362": ("\u6bcf\u5468\u4e00\u6b21[2]\u6362", [2]),
    "wide \uff3b\uff12\u3001\uff11\uff3d": ("wide [2][1]", [2, 1]),
    "weekly\u30101\u3011 and\u30102\u3011(x)": ("weekly[1] and[2](x)", [1, 2]),
    "Weekly.[1]": ("Weekly.[1]", [1]),
    "weekly[1].": ("weekly[1].", [1]),
    "weekly[1][2]\nDaily[3]": ("weekly[1][2]\nDaily[3]", [1, 2, 3]),
    "**weekly**[1] (see [2])": ("**weekly**[1] (see [2])", [1, 2]),
    "- `a[0]` [1]\n- ~~old~~[2]": ("- `a[0]` [1]\n- ~~old~~[2]", [1, 2]),
    f"{ROCKET}{ROCKET} up [1] e\u0301 [2]": (f"{ROCKET}{ROCKET} up [1] e\u0301 [2]", [1, 2]),
    "a stray ` here\nand [1]": ("a stray ` here\nand [1]", [1]),
    "```\na[1]\n```\nThen [1]": ("```\na[1]\n```\nThen [1]", [1]),
    "1. ```py\n   a[1]\n   ```\n2. Then [1]": ("1. ```py\n   a[1]\n   ```\n2. Then [1]", [1]),
    "```one``` line [1]": ("```one``` line [1]", [1]),
    "~~~~\n~~~\n[1]\n~~~~\n[2]": ("~~~~\n~~~\n[1]\n~~~~\n[2]", [2]),
    "``a`[1]`` [2]": ("``a`[1]`` [2]", [2]),
    "- [x] done [1]\n- [ ] open [2]": ("- [x] done [1]\n- [ ] open [2]", [1, 2]),
}


@pytest.mark.parametrize("text", CITED)
def test_a_mark_is_a_citation(text: str) -> None:
    citing = cite(text)
    assert (citing.text, named(citing)) == CITED[text]


@pytest.mark.parametrize(
    "text",
    [
        "no marks",
        "`list[1]` and ``x[2]``",
        "```py\nx = [1]\n```",
        "~~~\n[1]",
        "list[1] holds",
        "args[1].name",
        "items[7]. Or so",
        "grid[0][1]",
        "my_list[1] = [0]",
        "[1](https://example.org)",
        "[the docs][1]",
        "[^1] and [^2]: note",
        "[1]: https://example.org",
        "\\[1] escaped",
        "- [ ] open\n- [x] done",
        "from [0] to [0, 1]",
        "[2024] [1234, 1]",
        "[1.5] [1a] [a1] [-1] [] [,] [1 2]",
        "[1",
        "[1, ",
        "a [",
        "[1\n]",
        "\u3010\u91cd\u8981\u3011",
        "ends in space ",
    ],
)
def test_other_brackets_are_left_alone(text: str) -> None:
    citing = cite(text)
    assert (citing.text, named(citing)) == (text, [])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Weekly [7].", "Weekly."),
        ("Weekly [7]", "Weekly"),
        ("Weekly [1][7].", "Weekly [1]."),
        ("Weekly [7][1].", "Weekly [1]."),
        ("Weekly [7] [8] [1].", "Weekly [1]."),
        ("Weekly [7, 1].", "Weekly [1]."),
        ("Weekly [2-9].", "Weekly [2][3]."),
        ("as [7] says", "as says"),
        ("[7] The rota", "The rota"),
        ("one\n[7] The rota", "one\nThe rota"),
        ("one [7]\ntwo", "one\ntwo"),
        ("one [7]two", "one two"),
        ("one [7]`two` [8](x)", "one `two` [8](x)"),
        ("**one [7]** two", "**one** two"),
        ("(see [999])", "(see)"),
        ("\u4e00\u30107\u3011\u3002", "\u4e00\u3002"),
        ("[7][8]", ""),
    ],
)
def test_a_mark_that_names_no_source_is_left_out(text: str, left: str) -> None:
    citing = cite(text)
    assert citing.text == left
    assert named(citing) == [int(found) for found in left if found in "123"]


def test_without_sources_nothing_is_cited() -> None:
    citing = cite("As [1] says [2, 3].", sources=0)
    assert (citing.text, citing.citations) == ("As says.", ())


def test_places_are_those_of_javascript() -> None:
    citing = cite(f"{ROCKET} a [2]{ROCKET}[3]")
    assert citing.citations == (Citation(1, 5, 8), Citation(2, 10, 13))


@pytest.mark.parametrize("text", [*CITED, "one [7] two[7]. [1](x) ` [1] [7] ``` [2]\n ~~~ [1, 7", "a [7] [1]  [8]. b"])
def test_an_answer_is_the_same_however_it_is_cut(text: str) -> None:
    whole = cite([text])
    for first, second in itertools.combinations_with_replacement(range(len(text) + 1), 2):
        cut = cite([text[:first], text[first:second], text[second:]])
        assert (cut.text, cut.citations) == (whole.text, whole.citations), (first, second)


PIECES = st.sampled_from(
    [*"[]()`~ \n1279,-:.a_\\\u3010\u3011\U0001f680", "[1]", " [2]", "[9]", "```", "~~~", "[1, 9]", "a[1]", "- "]
)


@settings(deadline=None, max_examples=400)
@given(st.lists(PIECES, max_size=40), st.data())
def test_any_text_is_the_same_however_it_is_cut(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    whole = cite([text])
    assert all(1 <= number <= 3 for number in named(whole))
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    cut = cite([text[first:last] for first, last in itertools.pairwise([0, *places, len(text)])])
    by_character = cite(text)
    assert (cut.text, cut.citations) == (whole.text, whole.citations) == (by_character.text, by_character.citations)


@pytest.mark.parametrize(
    ("pieces", "given_back"),
    [
        (["The ", "rota"], ["The", " rota"]),
        (["see [", "x]"], ["see", " [x]"]),
        (["see [1", "]", " and"], ["see", "", " [1] and"]),
        (["a[1]", " b"], ["a", "[1] b"]),
        (["x[", "0"], ["x", "[0"]),
        (["[12345", "6"], ["[12345", "6"]),
        (["`x[1", "]`"], ["`x[1", "]`"]),
        (["``", "`"], ["``", "`"]),
    ],
)
def test_no_more_is_kept_back_than_what_may_be_a_mark(pieces: list[str], given_back: list[str]) -> None:
    citing = Citing(3)
    assert [citing.feed(piece) for piece in pieces] == given_back


@pytest.mark.parametrize(
    "unit", ["[", "[1,", "[1][9]", "`", "~", "[1]`", " ", "[9] ", "a[1].", "\u3010", "[1, 2, 3, ", "```\n", "x"]
)
def test_time_is_linear_and_little_is_kept(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    whole = cite([text])
    assert time.process_time() - started < 3
    by_character = Citing(3)
    kept = given_back = 0
    for fed, character in enumerate(text[:20_000], 1):
        given_back += len(by_character.feed(character))
        kept = max(kept, fed - given_back)
    assert whole.text.startswith(by_character.text)
    assert kept <= 120 or "9" in unit
