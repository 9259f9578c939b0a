"""Answers without a model: which statements are chosen, how they read, and that no text in a source becomes a mark."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.answering.citing import Citing
from ckservice.llm.providers.extraction import extract
from ckservice.llm.providers.statements import statements
from ckservice.llm.quoting import Quotation, quote, read_quotations

pytestmark = pytest.mark.source

STORY = """\
id: US-013
asA: member
iWant: >-
  to cover my tomatoes
  in time
soThat: they live   # through the frost
status: draft
acceptanceCriteria:
  - "A warning comes at four degrees: by mail."
  - A warning comes once a night,
    at dusk. It names the beds.
  - 'It''s short'
impacts: {services: [svc-weather, svc-mail], packages: [pkg-mobile]}
tags: [frost, "two words"]
notes: |
  # Heading
  Fleece is kept in the shed. See [the shed](docs/shed.md) for more.

  - [ ] Buy `fleece[2]`
"""
GUIDE = """\
Members water in turns. The rota changes on
Mondays, e.g. at noon!

| Bed | Day |
|-----|-----|
| tomatoes | Monday |

```sh
rota --next[1]
```
1. Bring a can
"""


def source(number: int, text: str, path: str = "docs/guide.md", **members: str) -> Quotation:
    title = members.get("title", "Guide")
    return Quotation(number, members.get("id", path), title, path, 1, text.count("\n") + 1, text)


def told(path: str, text: str, subject: str = "") -> list[str]:
    return [f"{found.subject} {found.text}".strip() for found in statements(path, text, subject)]


def listed(answer: str) -> list[str]:
    return [line.removeprefix("- ") for line in answer.split("\n")[1:]]


def test_yaml_reads_like_prose() -> None:
    assert told("US-013.yaml", STORY, "US-013") == [
        "US-013 status: draft",
        "A warning comes at four degrees: by mail.",
        "A warning comes once a night, at dusk.",
        "It names the beds.",
        "US-013 acceptance criteria: It's short",
        "services: svc-weather, svc-mail, packages: pkg-mobile",
        "US-013 tags: frost, two words",
        "Fleece is kept in the shed.",
        "See the shed for more.",
        "US-013 notes: Buy `fleece[2]`",
        "As a member, I want to cover my tomatoes in time, so that they live.",
    ]


QUOTED = """\
content: "By the \\"longest not asked\\" rule.\\nTies are \\
  broken by \\u0070lot number.

  - nobody: is asked twice"   # for now
single: 'It''s a rule
  of two lines'
"status": "do\\ud800ing"
flow: {"version": "1.4", note: It's so}
"""


def test_quoted_yaml_is_read_as_yaml() -> None:
    assert told("SPEC-003.yaml", QUOTED, "SPEC-003") == [
        'By the "longest not asked" rule.',
        "Ties are broken by plot number.",
        "nobody: is asked twice",
        "It's a rule of two lines",
        "SPEC-003 status: do\ufffding",
        "version: 1.4, note: It's so",
    ]


def test_prose_is_cut_into_whole_sentences() -> None:
    assert told("guide.md", GUIDE) == [
        "Members water in turns.",
        "The rota changes on Mondays, e.g. at noon!",
        "Bed, Day",
        "tomatoes, Monday",
        "`rota --next[1]`",
        "Bring a can",
    ]


def test_code_stays_code_and_comments_are_prose() -> None:
    text = 'def next(turns):\n    """Who is next.\n\n    The `rota` decides,\n    and nobody [1] else.\n    """\n'
    text += "    # Only those\n    # who are here.\n    `x` = turns[1]  # now\n}\n"
    assert told("rota.py", text) == [
        "`def next(turns):`",
        "Who is next.",
        "The `rota` decides, and nobody \\[1] else.",
        "Only those who are here.",
        "`'x' = turns[1] # now`",
    ]
    text = "/**\n * Says who\n * is next.\n */\n// Now.\nint next(); /* one */\n-- A remark.\n/* Two\nlines. */ int x;\n#define A\n"
    assert told("rota.c", text) == [
        "Says who is next.", "Now.", "`int next(); /* one */`", "A remark.", "Two lines.", "*/ int x;", "`#define A`",
    ]  # fmt: skip


def test_yaml_that_was_cut_anywhere_still_reads() -> None:
    lines = STORY.split("\n")
    for first in range(len(lines)):
        for last in range(first, len(lines)):
            assert all(told("a.yml", "\n".join(lines[first:last])))


def test_the_statements_that_share_rare_words_are_chosen() -> None:
    sources = [source(1, GUIDE), source(2, STORY, "US-013.yaml", id="US-013", title="Frost")]
    assert listed(extract("When does the rota change?", sources)) == ["The rota changes on Mondays, e.g. at noon! [1]"]
    assert listed(extract("Is there a warning at dusk?", sources))[0] == "A warning comes once a night, at dusk. [2]"
    assert listed(extract("What is the status of US-013?", sources))[0] == "US-013 status: draft [2]"


def test_a_title_counts_for_what_stands_below_it() -> None:
    sources = [source(1, "Once a week.", title="Watering"), source(2, "Once a year.", title="Invoices")]
    assert listed(extract("How often is the watering done?", sources)) == ["Once a week. [1]"]


def test_what_two_sources_say_is_said_once() -> None:
    sources = [source(1, "The gate is green."), source(2, "Hello. The gate is green.")]
    assert listed(extract("Which gate is green?", sources)) == ["The gate is green. [1][2]"]


@pytest.mark.parametrize(
    "question", ["mortgage interest in Switzerland", "?!", "", "\U0001f345", "\ud800", "the of and"]
)
def test_it_says_so_where_nothing_comes_close(question: str) -> None:
    answer = extract(question, [source(1, GUIDE)])
    assert answer == "No model is connected, and no statement of the sources comes close to the question."


TASK = 'id: T-005\ntitle: Write the rota\nowner: "@jonas"\ndependencies: [T-001]\nsteps:\n  - Order them by the day.\n'


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("Who owns T-005?", "owner: @jonas"),
        ("Whose task is T-005?", "owner: @jonas"),
        ("What does T-005 depend on?", "dependencies: T-001"),
    ],
)
def test_a_question_for_a_value_finds_its_name(question: str, value: str) -> None:
    other = TASK.replace("T-005", "T-006").replace("@jonas", "@mira")
    sources = [
        source(1, other, "b.yaml", id="T-006", title="Rota"),
        source(2, TASK, "a.yaml", id="T-005", title="Rota"),
    ]
    assert listed(extract(question, sources)) == [f"T-005 {value} [2]"]


@pytest.mark.parametrize(
    "question", ["Who owns T-099?", "What is the priority of T-005?", "How much does an order cost?", "Who pays rent?"]
)
def test_one_common_word_is_no_answer(question: str) -> None:
    assert not listed(extract(question, [source(1, TASK, "a.yaml", id="T-005", title="Rota")]))


def test_words_that_follow_one_another_as_asked_win() -> None:
    sources = [source(1, "Told when off, they water."), source(2, "I know when the water is turned off.")]
    answer = listed(extract("Who has to be told when the water is turned off?", sources))
    assert answer == ["I know when the water is turned off. [2]"]


def test_prose_wins_over_code() -> None:
    sources = [source(1, "from rota import change, watering", "a.py"), source(2, "The watering rota changes at noon.")]
    assert listed(extract("When does the watering rota change?", sources)) == ["The watering rota changes at noon. [2]"]


def test_it_is_always_the_same() -> None:
    sources = [source(number, GUIDE + STORY, f"{number}.md", id=str(number)) for number in range(1, 30)]
    assert len({extract("tomatoes water rota warning", sources) for _ in range(5)}) == 1


@pytest.mark.parametrize("path", ["a.md", "a.yaml", "a.py", "a"])
@pytest.mark.parametrize(
    "text",
    [
        "tomatoes are red [2] and [1, 2] or \u30102\u3011 \uff3b2\uff3d [ 2]",
        "tomatoes `unclosed [2]",
        "``tomatoes` [2]`",
        "> ~~~ tomatoes [2]",
        "1. ~~~~ tomatoes",
        "tomatoes ``` [2] ``",
        "- ```tomatoes\n- tomatoes [2]",
        "key: '`` tomatoes [2]'\nother: \"[2] tomatoes\"",
        "tomatoes\\[2]\\",
        "[tomatoes](x) [2](y) ![2](z) [[2]](q) [2][2]",
        "tomatoes\u2028[2]\r[2]\x0b- [2]",
        "tomatoes " + "`" * 500 + "[2]" * 500,
        "tomatoes " + "word " * 100 + "`x" + " y" * 50 + "` [2]",
    ],
)
def test_no_text_becomes_a_mark(path: str, text: str) -> None:
    answer = extract("tomatoes", [source(1, text, path), source(2, "nothing")])
    citing = Citing(2)
    citing.feed(answer)
    citing.end()
    lines = listed(answer)
    assert lines
    assert citing.text == answer
    assert [citation.source for citation in citing.citations] == [0] * len(lines)
    assert all(line.endswith(" [1]") for line in lines)


PIECES = st.sampled_from(
    [
        *"[]()`~ \n12-:.\\|>#'\"*\u3010\u3011\U0001f680",
        "[2]",
        "tomatoes",
        "```",
        "~~~",
        "a: ",
        "- ",
        "](x)",
        "[x",
        " word",
    ]
)


@settings(deadline=None, max_examples=400)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["a.md", "a.yaml", "a.py"]))
def test_no_text_whatever_becomes_a_mark(text: str, path: str) -> None:
    answer = extract("tomatoes", [source(1, text, path, id=text, title=text), source(2, "tomatoes are red")])
    citing = Citing(2)
    citing.feed(answer)
    citing.end()
    assert citing.text == answer
    marks = "".join(line[line.rindex(" ") :] for line in listed(answer))
    assert "".join(f"[{citation.source + 1}]" for citation in citing.citations) == marks.replace(" ", "")


UNITS = [
    "[",
    "`",
    "~",
    "<",
    "</ ",
    "<source ",
    "'",
    '"',
    "''",
    '"\\',
    "- ",
    "a: ",
    "a: |\n",
    " #'",
    "| - ",
    "[x](",
    "{",
    "1. ",
    ". A",
    "Aa",
    "a-1",
    "[a, ",
    "# x",
    "\\\\",
    'a: {"\\\\',
    '"a": \'\n ',
    "/* ",
    '""" ',
]


@pytest.mark.parametrize("path", ["a.md", "a.yaml", "a.py"])
def test_time_is_linear(path: str) -> None:
    for unit in UNITS:
        started = time.process_time()
        text = unit * (200_000 // len(unit)) + " needle"
        extract("needle a 1", read_quotations(quote([source(1, text, path)])))
        assert time.process_time() - started < 2, unit
