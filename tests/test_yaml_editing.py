"""Changes to YAML as people write it: what is asked for changes, and nothing else."""

from typing import Any

import pytest

from ckservice.context.yaml.comparing import same
from ckservice.context.yaml.editing import edit
from ckservice.context.yaml.reading import decode, encode, read

pytestmark = pytest.mark.source

GONE = object()

SCALARS = [
    ("title: Old # why\n", {"title": "New"}, "title: New # why\n"),
    ("title: 'Old'\n", {"title": "it's"}, "title: 'it''s'\n"),
    ('title: "Old"   # why\n', {"title": 'say "x"'}, 'title: "say \\"x\\""   # why\n'),
    ("owner: '@a'\n", {"owner": "@b"}, "owner: '@b'\n"),
    ("owner: nobody\n", {"owner": "@b"}, 'owner: "@b"\n'),
    ("version: '1.0'\n", {"version": 2}, "version: 2\n"),
    ("version: 1.0\n", {"version": "2.0"}, 'version: "2.0"\n'),
    ("a:   spaced   \nb: 1\n", {"a": "x"}, "a:   x   \nb: 1\n"),
    ("a:\tx\n", {"a": "z"}, "a:\tz\n"),
    ("a: ~\n", {"a": True}, "a: true\n"),
    ("a:\nb: 1\n", {"a": "x"}, "a: x\nb: 1\n"),
    ("a: # nothing yet\nb: 1\n", {"a": "x"}, "a: x # nothing yet\nb: 1\n"),
    ("a: x\n", {"a": None}, "a: null\n"),
    ("a: first\n  second # end\nb: 1\n", {"a": "x"}, "a: x # end\nb: 1\n"),
    ("a:\n  on its own line\nb: 1\n", {"a": "x"}, "a:\n  x\nb: 1\n"),
    (
        "a: \u201cq\u201d \u2014 caf\u00e9 \U0001f600\nb: x\n",
        {"b": "\u2026"},
        "a: \u201cq\u201d \u2014 caf\u00e9 \U0001f600\nb: \u2026\n",
    ),
    ("a: !!str 5\n", {"a": "6"}, 'a: !!str "6"\n'),
    ('"a b": x\n', {"a b": "z"}, '"a b": z\n'),
    ("? a\n: x\n", {"a": "z"}, "? a\n: z\n"),
    ("a: x\nb: 1\na: y # counts\n", {"a": "z"}, "a: x\nb: 1\na: z # counts\n"),
    ("a: x\nb: 1\na: y\n", {"a": GONE}, "b: 1\n"),
    ("a: x\r\nb: y\r\n", {"a": "z"}, "a: z\r\nb: y\r\n"),
    ("a: x", {"a": "yes"}, 'a: "yes"'),
    ("a: x\rb: y\r", {"b": "z", "c": 1}, "a: x\rb: z\rc: 1\r"),
    ("a: one\n", {"a": "one\ntwo\n"}, "a: |\n  one\n  two\n"),
    ("a: {x: 1}\n", {"a": {"x": "a, b"}}, 'a: {x: "a, b"}\n'),
]

BLOCKS_OF_TEXT = [
    ("a: |\n  one\n  two\n\nb: 1\n", {"a": "one\n2\n"}, "a: |\n  one\n  2\n\nb: 1\n"),
    ("a: | # text\n    one\nb: 1\n", {"a": "one\ntwo\n"}, "a: | # text\n    one\n    two\nb: 1\n"),
    ("a: |\n  one\nb: 1\n", {"a": "one"}, "a: |-\n  one\nb: 1\n"),
    ("a: |\n  one\n", {"a": None}, "a: null\n"),
    ("a: |\n  one\nb: 1\n", {"a": ["x"]}, "a:\n  - x\nb: 1\n"),
    ("a: |\r\n  one\r\nb: 1\r\n", {"a": "x\ny\n"}, "a: |\r\n  x\r\n  y\r\nb: 1\r\n"),
    (
        "a: >-\n  folded\n  text\n\n  more\nb: 1\n",
        {"a": "folded text\nother"},
        "a: >-\n  folded\n  text\n\n  other\nb: 1\n",
    ),
    ("a: >\n  folded\nb: 1\n", {"a": "  x\ny\n"}, "a: |2\n    x\n  y\nb: 1\n"),
    ("a: |\n  one\n\n\nb: 1\n", {"a": "one\n\n"}, "a: |+\n  one\n\nb: 1\n"),
    ("a: |+\n  one\n\nb: 1\n", {"b": GONE}, "a: |+\n  one\n\n"),
    ("- x", {"a": "b"}, "a: b"),
]

LISTS = [
    ("tasks:\n  - A # a\n  - B # b\n", {"tasks": ["A", "B", "C"]}, "tasks:\n  - A # a\n  - B # b\n  - C\n"),
    ("tasks:\n- A # a\n- B # b\n", {"tasks": ["A", "x y", "B"]}, "tasks:\n- A # a\n- x y\n- B # b\n"),
    ("tasks:\n    - A\n    - B # b\n    - C\n", {"tasks": ["A", "C"]}, "tasks:\n    - A\n    - C\n"),
    ("tasks:\n  - A\n  - B # b\n", {"tasks": ["A", "C"]}, "tasks:\n  - A\n  - C # b\n"),
    ("tasks:\n  - A # a\n  - B\n", {"tasks": ["B", "A"]}, "tasks:\n  - B\n  - A # a\n"),
    ("tasks:\nb: 1\n", {"tasks": ["A"]}, "tasks:\n  - A\nb: 1\n"),
    ("tasks: [] # none\nb: 1\n", {"tasks": ["A"]}, "tasks: # none\n  - A\nb: 1\n"),
    ("tasks: # all\n  - A\n  - B\nb: 1\n", {"tasks": []}, "tasks: [] # all\nb: 1\n"),
    ("tasks:\n  - A\n\n# end\n", {"tasks": ["A", "B"]}, "tasks:\n  - A\n  - B\n\n# end\n"),
    ("tasks:\n  - A", {"tasks": ["A", "B"]}, "tasks:\n  - A\n  - B"),
    ("tasks:\n  - A\n  - B", {"tasks": ["A"]}, "tasks:\n  - A"),
    ("tasks:\r\n  - A\r\n", {"tasks": ["A", "B"]}, "tasks:\r\n  - A\r\n  - B\r\n"),
    ("t:\n  # about A\n  - A\n  # about B\n  - B\n", {"t": ["B"]}, "t:\n  # about B\n  - B\n"),
    ("t:\n  # about A\n  - A\n  # about B\n  - B\n", {"t": ["A"]}, "t:\n  # about A\n  - A\n"),
    ("t:\n  # the first\n  - A\n  - B\n", {"t": ["B"]}, "t:\n  # the first\n  - B\n"),
    ("t:\n  - A\n    # more of A\n  - B\n", {"t": ["B"]}, "t:\n  - B\n"),
    ("t:\n  - - a\n    - b\n", {"t": [["a", "x", "b"]]}, "t:\n  - - a\n    - x\n    - b\n"),
    ("t:\n  - - a\n    - b\n", {"t": [["x", "a", "b"]]}, "t:\n  - - x\n    - a\n    - b\n"),
    ("t: [a, b,  c] # t\n", {"t": ["a", "c"]}, "t: [a, c] # t\n"),
    ("t: [a, b]\n", {"t": ["a", "b", "c"]}, "t: [a, b, c]\n"),
    ("t: [a, b]\n", {"t": ["x", "a", "b"]}, "t: [x, a, b]\n"),
    ("t: [a, b]\n", {"t": ["a"]}, "t: [a]\n"),
    ("t: [a, b]\n", {"t": []}, "t: []\n"),
    ("t: [\n  a, # one\n  b # two\n]\n", {"t": ["a", "b", "c"]}, "t: [\n  a, # one\n  b, # two\n  c\n]\n"),
    ("t: [\n  a, # one\n  b # two\n]\n", {"t": ["b"]}, "t: [\n  b # two\n]\n"),
    ("t: [\n  a, # one\n  b, # two\n]\n", {"t": ["a", "x"]}, "t: [\n  a, # one\n  x, # two\n]\n"),
    ("t: ['a', \"b\"]\n", {"t": ["c", "d"]}, "t: ['c', \"d\"]\n"),
]

ITEMS = [
    ("s:\n  - id: a\n    do: x # x\n  - id: b\n", {"s": [{"id": "a", "do": "z"}, {"id": "b"}]},
     "s:\n  - id: a\n    do: z # x\n  - id: b\n"),
    ("s:\n  -\n    id: a # a\n  -\n    id: b\n", {"s": [{"id": "a"}, {"id": "b", "do": "x"}]},
     "s:\n  -\n    id: a # a\n  -\n    id: b\n    do: x\n"),
    ("s:\n  -\n    id: a\n  -\n    id: b # b\n", {"s": [{"id": "b"}]}, "s:\n  -\n    id: b # b\n"),
    ("s:\n  - id: a\n    do: x # x\n", {"s": [{"do": "x"}]}, "s:\n  - do: x # x\n"),
    ("s:\n- id: a # a\n- id: c\n", {"s": [{"id": "a"}, {"id": "b", "do": ["x"]}, {"id": "c"}]},
     "s:\n- id: a # a\n- id: b\n  do:\n    - x\n- id: c\n"),
    ("s:\n  - id: a # a\n  - id: b\n", {"s": [{"id": "b"}, {"id": "a"}]}, "s:\n  - id: b\n  - id: a # a\n"),
]  # fmt: skip

KEYS = [
    ("a: 1\n\n# end\n", {"b": 2}, "a: 1\nb: 2\n\n# end\n"),
    ("a: 1", {"b": [1]}, "a: 1\nb:\n  - 1"),
    ("a: 1\nb: 2 # b\nc: 3\n", {"b": GONE}, "a: 1\nc: 3\n"),
    ("a: 1\n\nb: 2\n\nc: 3\n", {"b": GONE}, "a: 1\n\nc: 3\n"),
    ("a: 1\n\nb: 2\n", {"b": GONE}, "a: 1\n"),
    ("a: 1\n# about b\nb: 2\nc: 3\n", {"b": GONE}, "a: 1\nc: 3\n"),
    ("a: 1\n\n# links\nb: 2\nc: 3\n", {"b": GONE}, "a: 1\n\n# links\nc: 3\n"),
    ("a: 1\n\n# about b\nb: 2\n\nc: 3\n", {"b": GONE}, "a: 1\n\nc: 3\n"),
    ("# file\na: 1\nb: 2\n", {"a": GONE}, "# file\nb: 2\n"),
    ("a:\n  b: 1\n  # was: c\nd: 2\n", {"a": GONE}, "d: 2\n"),
    ("a:\n    b: 1\nd: 2\n", {"a": {"b": 1, "c": {"x": []}}}, "a:\n    b: 1\n    c:\n      x: []\nd: 2\n"),
    ("a:\n  b: 1\n  c: 2\n", {"a": {"c": 2}}, "a:\n  c: 2\n"),
    ("a:\n  b: 1\n", {"a": {}}, "a: {}\n"),
    ("a: {b: 1, c: 2}\n", {"a": {"c": 2, "d": "x"}}, "a: {c: 2, d: x}\n"),
    ("a: 1\n", {"a": GONE}, "{}\n"),
    ("{a: 1}\n", {"b": 2}, "{a: 1, b: 2}\n"),
    ("---\na: 1\n...\n", {"b": 2}, "---\na: 1\nb: 2\n...\n"),
    ("---\n# nothing\n", {"a": 1}, "---\n# nothing\na: 1\n"),
    ("a: 1\nfoo:\n  linkedUserStories: [US-001]\n", {"a": 2}, "a: 2\nfoo:\n  linkedUserStories: [US-001]\n"),
]

ANCHORS = [
    ("a: &x 1\nb: *x\n", {"b": 2}, "a: &x 1\nb: 2\n"),
    ("a: &x 1\nb: *x # b\n", {"a": 2}, "a: &x 2\nb: 1 # b\n"),
    ("a: &x 1\nb: *x\n", {"a": 2, "b": 2}, "a: &x 2\nb: *x\n"),
    ("a: &x\n  - 1\nb: *x\n", {"a": [1, 2]}, "a: &x\n  - 1\n  - 2\nb:\n  - 1\n"),
    ("a: &x {y: 1}\nb: *x\n", {"a": GONE}, 'b:\n  "y": 1\n'),
    ("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  m: 3\n", {"b": {"k": 1, "l": 5, "m": 3}},
     "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  m: 3\n  l: 5\n"),
    ("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  m: 3\n", {"b": {"k": 1, "m": 3}},
     "a: &x {k: 1, l: 2}\nb:\n  m: 3\n  k: 1\n"),
    ("a: &x {k: 1}\nb:\n  <<: *x\n  m: 3\n", {"a": {"k": 2}},
     "a: &x {k: 2}\nb:\n  <<: *x\n  m: 3\n  k: 1\n"),
]  # fmt: skip

CORNERS = [
    ("s:\n  - id: a\n    # about do\n    do: x\n", {"s": [{"do": "x"}]}, "s:\n  -\n    # about do\n    do: x\n"),
    ("t:\n  - write the manual # m\n  - b\n", {"t": ["write the manual now", "x", "b"]},
     "t:\n  - write the manual now # m\n  - x\n  - b\n"),
    ("s:\n  - a: 1 # a\n    b: 2\n", {"s": [{"z": 1}, {"a": 1, "b": 3}]}, "s:\n  - z: 1\n  - a: 1 # a\n    b: 3\n"),
    ("t: [\n  a, # one\n  b\n]\n", {"t": ["x", "a", "b"]}, "t: [\n  x,\n  a, # one\n  b\n]\n"),
    ("t: [a, # one\n  b]\n", {"t": ["a"]}, "t: [a, # one\n  ]\n"),
    ("a: |+\n  one\n\nb: 1\n\nc: 2\n", {"b": GONE}, "a: |+\n  one\n\nc: 2\n"),
    ("a: >\n  short\nb: 1\n", {"a": "many words that do not fit on one line of forty\n"},
     "a: >\n  many words that do not fit on one line\n  of forty\nb: 1\n"),
    ("a: [b: 1, c]\n", {"a": [{"b": 2}, "c"]}, "a: [{b: 2}, c]\n"),
    ("a: {b, c: }\n", {"a": {"b": 2, "c": 3}}, "a: {b: 2, c: 3 }\n"),
    ("a: |\n  one", {"b": 1}, "a: |-\n  one\nb: 1"),
    ("--- {a: 1}\n", {"a": GONE, "b": 1}, "--- \nb: 1\n"),
    ("--- # c\na: 1\n", {"a": GONE, "b": 1}, "--- # c\nb: 1\n"),
    ("a:\n  b: |+\n    x\n\n\n  c: 1\n", {"a": {"b": "x"}}, "a:\n  b: |-\n    x\n"),
    ("a: &x !!map\n  b: 1\n", {"a": 5}, "a: 5\n"),
    ("? a\nb: 1\n", {"a": 5}, "a: 5\nb: 1\n"),  # written anew: there is no place for a value
]  # fmt: skip

SAMPLES = [*SCALARS, *BLOCKS_OF_TEXT, *LISTS, *ITEMS, *KEYS, *ANCHORS, *CORNERS]


@pytest.mark.parametrize(("before", "changes", "after"), SAMPLES)
def test_only_what_was_asked_for_changes(before: str, changes: dict[str, Any], after: str) -> None:
    held = read(before).documents[0]
    wanted = {**held, **changes} if isinstance(held, dict) else changes
    wanted = {name: value for name, value in wanted.items() if value is not GONE}
    result = edit(before, wanted)
    assert result == after
    assert same(read(result).documents[0], wanted)
    assert edit(before, held) == before if isinstance(held, dict) else True


def test_the_order_of_keys_and_the_kind_of_number_are_no_change() -> None:
    text = "b: 1.0\na: {y: 1, x: 12345678901234567890}\n"
    assert edit(text, {"a": {"x": 12345678901234567890, "y": 1.0}, "b": 1}) == text


def test_true_is_not_one() -> None:
    assert edit("a: 1\nb: true\n", {"a": True, "b": 1}) == "a: true\nb: 1\n"


def test_one_document_of_several_changes() -> None:
    text = "a: 1 # one\n---\n# second\na: 2 # two\n...\n---\na: 3\n"
    assert edit(text, {"a": 5}, 1) == text.replace("a: 2", "a: 5")
    assert edit(text, {"a": 3, "b": 1}, 2) == f"{text}b: 1\n"


@pytest.mark.parametrize("text", ["a: [", "", "# nothing\n"])
def test_what_can_not_be_read_can_not_be_changed(text: str) -> None:
    with pytest.raises(ValueError, match="has no document"):
        edit(text, {"a": 1})


def test_data_deeper_than_what_is_read_is_refused() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ValueError, match="deep"):
        edit("a: 1\n", {"a": deep})


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfa: 1\r\nb: 2", b"a: 1\n", b"\xef\xbb\xbf", "a: é".encode()])
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    text, problem = decode(data)
    assert problem is None
    assert encode(text, data) == data


def test_a_byte_order_mark_in_the_text_stays() -> None:
    assert edit("\ufeffa: 1\nb: 2\n", {"a": 1, "b": 3}) == "\ufeffa: 1\nb: 3\n"


def test_a_long_list_of_the_same_changes_quickly() -> None:
    text = "a:\n" + "".join(f"  - v{number % 7} # {number}\n" for number in range(5_000))
    items = read(text).documents[0]["a"]
    result = edit(text, {"a": [*items[:10], "x", *items[20:4000], "y", *items[4001:]]})
    assert result.count("\n") == text.count("\n") - 9
    assert "# 4500\n" in result
