"""YAML is read whatever it is, and what is wrong with it is said where it stands."""

import time
from typing import Any

import pytest

from ckservice.context.yaml.emitting import emit
from ckservice.context.yaml.reading import Positions, decode, read, split

pytestmark = pytest.mark.source

HOSTILE_ALIASES = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("2024-01-02", "2024-01-02"), ("1:30", "1:30"), ("1_000", "1_000"), ("012", 12),
        ("0o17", 15), ("0x1F", 31), ("0b11", "0b11"), ("+1", 1), ("-0", 0), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0),
        (".inf", ".inf"), ("1e999", "1e999"), ("~", None), ("", None), ("Null", None), ("nULL", "nULL"),
        ("True", True), ("FALSE", False), ("tRUE", "tRUE"), ("!!str 5", "5"), ("! 5", "5"), ('!!int "5"', 5),
        ("9007199254740992", 9007199254740992.0), ("1" * 5000, "1" * 5000), ("\u0661", "\u0661"), ("=", "="),
        ("'5'", "5"), ('"\\u00e9\\x41"', "\u00e9A"), ("\U0001f600", "\U0001f600"), ("0x" + "f" * 90, float(int("f" * 90, 16))),
    ],
)  # fmt: skip
def test_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    documents = read(f"a: {text}\n").documents
    held = documents[0]["a"]
    assert held == value
    assert type(held) is type(value)


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a:\n\tb: 1\n", "has a tab where spaces are needed", 2, 1),
        ("a: |\n\tx\n", "has a tab where spaces are needed", 2, 1),
        ("a: b: c\n", "has a colon where no key can stand", 1, 5),
        ("a: 1\n b: 2\n", "has a colon where no key can stand", 2, 3),
        ("a: [1, 2\nb: 3\n", 'has neither a comma nor "]"', 2, 2),
        ("a: {b: 1\n", 'has neither a comma nor "}"', 2, 1),
        ("x: 1\na: 'b\nc: 2\n", "opens a quotation that is never closed", 2, 4),
        ('a: "\\q"', "has a backslash that means nothing", 1, 5),
        ("a: @b", 'has "@" where a value starts', 1, 4),
        ("a: `b`", 'has "`" where a value starts', 1, 4),
        ("- a\nb: 1\n", "has something other than an item in a list", 2, 1),
        ("a: 1\n- b\n", "has something other than a key", 2, 1),
        ("a: - b", "has an item of a list where none can stand", 1, 4),
        ("a: 1\nkey\nb: 2\n", "has a key without a colon", 2, 1),
        ("  a: 1\nb: 2\n", "has something behind the end of the document", 2, 1),
        ("a: *x", 'refers to "*x", which nothing before it is marked with', 1, 4),
        ("a: &a [*a]", 'refers to "*a", which it is itself part of', 1, 8),
        ("a: !own b", 'has the tag "!own"', 1, 4),
        ("a: !!set {b}", 'has the tag "tag:yaml.org,2002:set"', 1, 4),
        ("a: 1\nb: 2\na: 3\n", 'has "a" twice; the last one counts', 3, 1),
        ("? [a]\n: b", "has a key that is not plain text", 1, 3),
        ("<<: 5\n", 'has a "<<" that does not refer to a mapping', 1, 1),
        ("a: \x00", "has the character U+0000, which YAML does not allow", 1, 4),
        ("a: \u00e9\U0001f600\x01", "has the character U+0001, which YAML does not allow", 1, 6),
        ("a: \ufffe", "has the character U+FFFE, which YAML does not allow", 1, 4),
        ("a: \ud800", "has half of a surrogate pair", 1, 4),
        ("[" * 5000, "is nested more than 100 levels deep", 1, 101),
        ("- " * 5000, "is nested more than 100 levels deep", 1, 201),
        ("? " * 5000, "is nested more than 100 levels deep", 1, 201),
        ("\U0001f600: \u00e9\n\U0001f600\U0001f600: @", "has", 2, 5),
        ("a: 1\r\rb: [\r", "has a bracket", 4, 1),
        ("\ufeffa: 1\na: 2\n", 'has "a" twice', 2, 1),
        ("%YAML 2.0\n---\na: 1\n", "asks for a version of YAML", 1, 1),
        (HOSTILE_ALIASES, "has aliases that stand for more than 200,000 values", 6, 0),
        ("a: &a {x: 1}\nb: {<<: [" + "*a, " * 250_000 + "]}", "has aliases that stand for more than", 2, 0),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(text: str, message: str, line: int, column: int) -> None:
    reading = read(text)
    assert reading.problems
    problem = reading.problems[0]
    assert problem.message.startswith(message)
    assert problem.line == line
    assert column in {problem.column, 0}


def test_what_can_be_read_of_a_text_with_problems_is_read() -> None:
    reading = read("a: 1\na: 2\nb: !own x\nc: *gone\n? {d: 1}\n: 2\n")
    assert reading.documents == ({"a": 2, "b": "x", "c": None},)
    assert [problem.line for problem in reading.problems] == [2, 3, 4, 5]


def test_merge_keys_give_way_to_what_stands_beside_them() -> None:
    text = "a: &a {x: 1, z: 1}\nb: &b {x: 2, w: 2}\nc: {<<: [*a, *b], z: 3}\nd: {'<<': 1}\n"
    document = read(text).documents[0]
    assert document["c"] == {"x": 1, "w": 2, "z": 3}
    assert document["d"] == {"<<": 1}


@pytest.mark.parametrize(
    "pieces",
    [
        ["a: 1\n# about a\n", "---\nb: 2\n"],
        ["# head\n---\na: 1\n...\n", "# about b\n%YAML 1.1\n---\nb: 2\n...\n# end\n"],
        ["---\n", "---\n", "--- x\n"],
        ["\ufeffa: 1\r\n", "---\r\nb: 2"],
        ["# nothing\n"],
        [""],
        ["a: ["],
    ],
)
def test_a_text_is_split_into_its_documents(pieces: list[str]) -> None:
    assert split("".join(pieces)) == pieces


def test_an_unreadable_document_keeps_its_place() -> None:
    reading = read(f"---\n{HOSTILE_ALIASES}---\nb: 1\n")
    assert reading.documents == (None, {"b": 1})


def test_positions_are_those_of_the_last_of_two_keys_and_of_what_an_alias_stands_for() -> None:
    positions = Positions("a: 1\na: 2\nb: &x\n  c: 3\nd: *x\ne:\n---\nf: [1,\n 2]\n")
    assert positions.of(("a",)) == (2, 4)
    assert positions.of(("a",), key=True) == (2, 1)
    assert positions.of(("d", "c")) == (4, 6)
    assert positions.of(("e",)) == (6, 1)
    assert positions.of(("gone", "x")) == (1, 1)
    assert positions.of(("f", 1), 1) == (9, 2)
    assert positions.of(("f", 7), 1) == (8, 4)
    assert positions.of(("f",), 5) == (1, 1)


def test_bytes_that_are_no_utf_8_are_read_as_far_as_they_are() -> None:
    text, problem = decode(b"a: 1\nb: \xff\n")
    assert problem is not None
    assert (problem.message, problem.line, problem.column) == ("is not UTF-8 text", 2, 4)
    assert read(text).documents[0]["a"] == 1


def test_large_texts_are_read_in_time() -> None:
    started = time.process_time()
    many = "".join(f"key{number}: value\n" for number in range(50_000))
    assert len(read(many).documents[0]) == 50_000
    assert len(read("a: 1\n" * 50_000).problems) == 49_999
    positions = Positions(many)
    assert [positions.of((f"key{number}",))[0] for number in range(50_000)] == list(range(1, 50_001))
    assert read(f"a: {'x' * 3_000_000}\n").documents[0]["a"][-1] == "x"
    assert time.process_time() - started < 10


def test_entities_are_emitted_in_the_style_of_the_house() -> None:
    entity = {
        "id": "T-001",
        "owner": "@someone",
        "version": "1.0",
        "ratifiedOn": "2025-10-22",
        "on": True,
        "steps": ["Do: this", "do that", {"id": "a", "more": ["b"]}, [["c"]], {}, []],
        "text": "one\n\n  two\n",
        "shown": "  in\nout",
        "kept": "end\n\n",
        "odd": "one\n \ntwo",
        "none": None,
        "empty": "",
        "number": 1e22,
    }
    assert emit(entity) == (
        'id: T-001\nowner: "@someone"\nversion: "1.0"\nratifiedOn: "2025-10-22"\n"on": true\n'
        'steps:\n  - "Do: this"\n  - do that\n  - id: a\n    more:\n      - b\n  - - - c\n  - {}\n  - []\n'
        "text: |\n  one\n\n    two\nshown: |2-\n    in\n  out\nkept: |+\n  end\n\n"
        'odd: "one\\n \\ntwo"\nnone: null\nempty: ""\nnumber: 1.0e+22\n'
    )


def test_an_empty_mapping_and_long_keys_are_emitted_too() -> None:
    assert emit({}) == "{}\n"
    data = {"k" * 3000: {"x" * 1100: ["a"]}, "\n": 1}
    assert read(emit(data)).documents == (data,)


def test_data_deeper_than_what_is_read_is_not_emitted() -> None:
    deep: Any = {}
    for _ in range(150):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="deep"):
        emit(deep)
