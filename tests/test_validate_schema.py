"""Entities against schemas: the built-in ones and a repository's own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import pytest

from ckservice.context.files import type_of
from ckservice.context.schemas import built_in
from ckservice.context.validation.fitting import certain_fit
from ckservice.context.yaml.reading import read
from ckservice.json_schema import Checker, Undecidable
from tests.sidecar import Sidecar
from tests.validating import GOOD, told, validated, write

Json = dict[str, Any]

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def own(properties: Json, **members: Any) -> Json:
    return {"$schema": DRAFT_2020, "type": "object", "properties": properties, **members}


def task(root: Path, text: str, schema: Json, **others: Json) -> Path:
    """A repository with one task, and with schemas of its own."""
    named = {name.replace("_", "-"): other for name, other in others.items()}
    return write(root, {"tasks/T-001.yaml": f"id: T-001\n{text}"}, {"task": schema, **named})


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("features/FEAT-001-a", ("done", "started"), '3:9 error schema status is "started"; expected one of proposed, in-progress, done, blocked'),
        ("features/FEAT-001-a", ("done", "Done"), '3:9 error schema status is "Done"; expected one of proposed, in-progress, done, blocked; did you mean "done"?'),
        ("features/FEAT-001-a", ("title: A", "titel: A"), '1:1 error schema title is missing; is "titel" meant to be it?'),
        ("features/FEAT-001-a", ("title: A\n", ""), "1:1 error schema title is missing; expected text"),
        ("features/FEAT-001-a", ("title: A", "title: 3"), "2:8 error schema title is 3; expected text in quotes"),
        ("features/FEAT-001-a", ("title: A", "title:"), "2:1 error schema title is empty; expected text"),
        ("features/FEAT-001-a", ("title: A", "title: [A]"), "2:8 error schema title is a list of 1 item; expected text"),
        ("features/FEAT-001-a", ("title: A", "title: A\nacceptance: [1.5, a, {b: c}]"), "3:14 error schema acceptance[0] is 1.5; expected text in quotes"),
        ("specs/SPEC-001-a", ("related:", "type: fancy\nrelated:"), '3:7 error schema type is "fancy"; expected one of technical, api, ui, data'),
        ("services/svc-a", ("name: A", "name: A\nrepository: over there"), '3:13 error schema repository is "over there"; expected a URI such as https://example.com/a'),
        ("userstories/US-001-a", ("soThat: c\n", ""), "1:1 error schema soThat is missing; expected text"),
    ],
)  # fmt: skip
def test_built_in_schemas(sidecar: Sidecar, tmp_path: Path, path: str, change: tuple[str, str], message: str) -> None:
    text = GOOD[f"{path}.yaml"]
    assert change[0] in text
    said = told(sidecar, write(tmp_path, {**GOOD, f"{path}.yaml": text.replace(*change)}))
    assert said[0] == f"{path}.yaml:{message}"


@pytest.mark.parametrize(
    ("schema", "text", "messages"),
    [
        ({"pattern": "^[a-z]+$"}, '"A1"', ['is "A1"; expected text that matches ^[a-z]+$']),
        ({"type": "string", "enum": ["a", "b"]}, "3", ["is 3; expected text in quotes"]),
        ({"const": "a"}, "b", ['is "b"; expected "a"']),
        ({"type": ["string", "null"]}, "3", ["is 3; expected text or nothing"]),
        ({"minLength": 2, "pattern": "^[0-9]+$"}, "a", ['is "a"; expected text that matches ^[0-9]+$']),
        ({"minLength": 1}, '""', ['is ""; expected at least 1 character']),
        ({"maxLength": 3}, "abcd", ['is "abcd"; expected at most 3 characters']),
        ({"minItems": 2}, "[a]", ["is a list of 1 item; expected at least 2 items"]),
        ({"maxItems": 1}, "[a, b]", ["is a list of 2 items; expected at most 1 item"]),
        ({"uniqueItems": True}, "[a, b, a]", ['is a list of 3 items; expected each item once, but "a" is in it twice']),
        ({"minimum": 2}, "1", ["is 1; expected at least 2"]),
        ({"exclusiveMaximum": 2}, "2", ["is 2; expected less than 2"]),
        ({"multipleOf": 5}, "7", ["is 7; expected a multiple of 5"]),
        ({"minProperties": 1}, "{}", ["is a mapping with 0 keys; expected at least 1 key"]),
        ({"format": "date"}, "2025-02-30", ['is "2025-02-30"; expected a date such as 2025-12-31']),
        ({"format": "date-time"}, "2025-02-03", ['is "2025-02-03"; expected a time such as 2025-12-31T23:59:00Z']),
        ({"format": "email"}, "me", ['is "me"; expected an e-mail address']),
        ({"format": "colour"}, "me", []),
        ({"not": {"const": "a"}}, "a", ["does not fit the schema: 'a' should not be valid under {'const': 'a'}"]),
        ({"anyOf": [{"type": "string"}, {"type": "array"}]}, "3", ["is 3; expected text or a list"]),
        ({"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]}, "d", ['is "d"; expected one of a, b, c']),
        ({"anyOf": [{"type": "string", "minLength": 2}, {"type": "null"}]}, "a", ['is "a"; expected at least 2 characters']),
        ({"oneOf": [{"type": "string"}, {"minLength": 1}]}, "a", ["does not fit the schema: "]),
        ({"items": {"$ref": "#/$defs/name"}}, "[a, 3]", ["[1] is 3; expected text in quotes"]),
    ],
)  # fmt: skip
def test_one_value_gives_one_finding(
    sidecar: Sidecar, tmp_path: Path, schema: Json, text: str, messages: list[str]
) -> None:
    root = task(tmp_path, f"x: {text}\n", own({"x": schema}, **{"$defs": {"name": {"type": "string"}}}))
    said = [finding["message"] for finding in validated(sidecar, root)["errors"]]
    assert len(said) == len(messages)
    for found, expected in zip(said, messages, strict=True):
        assert found.startswith("x" + ("" if expected.startswith("[") else " ") + expected)


def test_keys_of_a_closed_schema(sidecar: Sidecar, tmp_path: Path) -> None:
    """One finding for each, at the key; patterns are heeded."""
    schema = own({"id": {}, "title": {}}, additionalProperties=False, patternProperties={"^x-": {}})
    assert told(sidecar, task(tmp_path, "titel: A\nx-a: 1\nother: 2\n", schema)) == [
        'tasks/T-001.yaml:2:1 error schema titel is not a key that the schema knows; did you mean "title"?',
        "tasks/T-001.yaml:4:1 error schema other is not a key that the schema knows; expected id or title",
    ]


def test_alternatives_are_told_apart_by_what_names_them(sidecar: Sidecar, tmp_path: Path) -> None:
    """Of several kinds of mapping the one that the value says it is."""
    kinds = [
        {"properties": {"kind": {"const": "mail"}, "to": {"type": "string"}}, "required": ["kind", "to", "about"]},
        {"properties": {"kind": {"const": "call"}, "number": {"type": "integer"}}, "required": ["kind", "number"]},
    ]
    root = task(tmp_path, "x:\n  kind: mail\n  to: 3\n", own({"x": {"oneOf": kinds}}))
    assert told(sidecar, root) == [
        "tasks/T-001.yaml:3:3 error schema x.about is missing",
        "tasks/T-001.yaml:4:7 error schema x.to is 3; expected text in quotes",
    ]


@pytest.mark.parametrize("name", ["https://example.com/schemas/task.json", None])
@pytest.mark.parametrize("draft", [DRAFT_7, DRAFT_2020])
def test_schemas_that_refer_to_each_other(sidecar: Sidecar, tmp_path: Path, draft: str, name: str | None) -> None:
    """By the names of their files, without a network; what is beside `$ref` counts from 2019 on only."""
    schema = own({"x": {"$ref": "common.schema.json#/definitions/word", "maxLength": 2}})
    schema |= {"$schema": draft} | ({"$id": name} if name else {})
    common = {"$schema": draft, "definitions": {"word": {"type": "string", "pattern": "^[a-z]*$"}}}
    root = task(tmp_path, "x: A\n", schema, common=common)
    assert told(sidecar, root) == ['tasks/T-001.yaml:2:4 error schema x is "A"; expected text that matches ^[a-z]*$']
    root = task(tmp_path, "x: abc\n", schema, common=common)
    beside = 'tasks/T-001.yaml:2:4 error schema x is "abc"; expected at most 2 characters'
    assert told(sidecar, root) == ([] if draft == DRAFT_7 else [beside])


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "https://example.com/nowhere.json"}, "refers to https://example.com/nowhere.json"),
        ({"$ref": "#/$defs/nothing"}, "refers to /$defs/nothing"),
    ],
)
def test_a_schema_that_cannot_be_applied(sidecar: Sidecar, tmp_path: Path, schema: Json, message: str) -> None:
    """One finding, at the schema, however many entities there are."""
    tasks = {f"tasks/T-{number:03}.yaml": f"id: T-{number:03}\nx: 1\n" for number in range(1, 9)}
    root = write(tmp_path, tasks, {"task": own({"x": schema})})
    (finding,) = validated(sidecar, root)["errors"]
    assert (finding["file"], finding["kind"]) == (".context/schemas/task.schema.json", "schema")
    assert message in finding["message"]


def test_a_schema_that_refers_to_itself(sidecar: Sidecar, tmp_path: Path) -> None:
    """As a tree does; and without end."""
    tree = own(
        {"x": {"$ref": "#/$defs/tree"}}, **{"$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    )
    root = task(tmp_path, f"x: {'[' * 60}1{']' * 60}\n", tree)
    (line,) = told(sidecar, root)
    assert line.startswith("tasks/T-001.yaml:2:64 error schema x[0][0]")
    assert line.endswith("… is 1; expected a list")
    endless = own({"x": {"$ref": "#/$defs/a"}}, **{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}})
    (line,) = told(sidecar, task(tmp_path, "x: 1\n", endless))
    assert line.startswith(".context/schemas/task.schema.json:1:1 error schema The schema of task can't be applied: ")
    assert "refers to itself without end" in line
    sidecar.assert_alive()


def test_a_pattern_that_takes_for_ever_elsewhere(sidecar: Sidecar, tmp_path: Path) -> None:
    root = task(tmp_path, f"x: {'a' * 5000}!\n", own({"x": {"pattern": "^(a+)+$"}}))
    assert len(told(sidecar, root)) == 1


@pytest.mark.parametrize("depth", [14, 40])
def test_a_schema_that_takes_for_ever(sidecar: Sidecar, tmp_path: Path, depth: int) -> None:
    """Alternatives of alternatives double at each level: the schema is given up, once and for all entities."""
    levels = {
        f"a{level}": {"anyOf": [{"$ref": f"#/$defs/a{level + 1}"}, {"$ref": f"#/$defs/a{level + 1}"}]}
        for level in range(depth)
    }
    schema = own({"x": {"$ref": "#/$defs/a0"}}, **{"$defs": {**levels, f"a{depth}": {"type": "integer"}}})
    tasks = {f"tasks/T-{number:03}.yaml": f"id: T-{number:03}\nx: a\n" for number in range(1, 21)}
    began = perf_counter()
    (finding,) = validated(sidecar, write(tmp_path, tasks, {"task": schema}))["errors"][:1]
    assert perf_counter() - began < 15  # CPU time is bounded to a fifth of that
    assert finding["file"] == ".context/schemas/task.schema.json"
    assert "can't be applied: it takes too long to find out" in finding["message"]
    if depth > 20:
        assert len(validated(sidecar, tmp_path)["errors"]) == 1
    sidecar.assert_alive()


def test_many_items_that_are_all_different(sidecar: Sidecar, tmp_path: Path) -> None:
    """Each with each other one would be two hundred million comparisons."""
    items = "".join(f"  - {{a: {number}}}\n" for number in range(20_000))
    schema = own({"x": {"uniqueItems": True}})
    assert told(sidecar, task(tmp_path, f"x:\n{items}", schema)) == []
    (line,) = told(sidecar, task(tmp_path, f"x:\n  - {{a: 7.0}}\n{items}", schema))
    assert "expected each item once" in line


def test_a_change_of_the_schema_is_heeded(sidecar: Sidecar, tmp_path: Path) -> None:
    root = task(tmp_path, "x: a\n", own({"x": {"type": "integer"}}))
    assert len(told(sidecar, root)) == 1
    assert told(sidecar, task(tmp_path, "x: a\n", own({"x": {"type": "string"}}))) == []


def test_a_missing_id_is_told_whatever_the_schema(sidecar: Sidecar, tmp_path: Path) -> None:
    root = write(tmp_path, {"tasks/T-001.yaml": "x: 1\n", "tasks/T-002.yaml": "id: 2\n"}, {"task": own({})})
    assert told(sidecar, root) == [
        "tasks/T-001.yaml:1:1 error schema id is missing; expected text such as T-001",
        "tasks/T-002.yaml:1:5 error schema id is 2; expected text of at most 256 characters",
    ]


@pytest.mark.source
@pytest.mark.parametrize("path", GOOD)
def test_the_built_in_schemas_have_a_quick_yes(path: str) -> None:
    """Without it the validation of a clean repository takes a hundred times as long."""
    entity = read(GOOD[path]).documents[0]
    entity_type = type_of(path, entity)
    assert entity_type is not None
    fits = certain_fit(built_in(entity_type).document)
    assert fits(entity)
    assert not fits({**entity, "id": 3})


def random_value(chance: Random, depth: int = 2) -> Any:
    plain: list[Any] = [None, True, False, -1, 0, 1, 2, 1.0, 0.5, "", "a", "ab", "2025-01-01"]
    if depth == 0 or chance.random() < 0.5:
        return chance.choice(plain)
    inner = [random_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return inner if chance.random() < 0.5 else dict(zip(chance.sample("abc", 3), inner, strict=False))


def random_schema(chance: Random, depth: int = 2) -> Any:
    """With every keyword that the quick yes knows, and one that it does not."""
    if chance.random() < 0.1:
        return chance.random() < 0.8
    names = ["string", "integer", "number", "null", "boolean", "array", "object"]
    keywords: dict[str, Callable[[], Any]] = {
        "type": lambda: chance.choice([*names, chance.sample(names, 3)]),
        "enum": lambda: [random_value(chance) for _ in range(4)],
        "const": lambda: random_value(chance),
        "minLength": lambda: chance.randrange(3),
        "maxLength": lambda: chance.randrange(3),
        "pattern": lambda: chance.choice(["^a", "b$", "."]),
        "format": lambda: chance.choice(["date", "uri", "email", "other"]),
        "minimum": lambda: chance.randrange(-1, 3),
        "maximum": lambda: chance.randrange(-1, 3),
        "exclusiveMinimum": lambda: chance.random() * 2,
        "exclusiveMaximum": lambda: chance.random() * 2,
        "minItems": lambda: chance.randrange(3),
        "maxItems": lambda: chance.randrange(3),
        "uniqueItems": lambda: chance.random() < 0.5,
        "required": lambda: chance.sample("abc", 1),
        "$ref": lambda: chance.choice(["#/$defs/a", "#/$defs/b"]),
    }
    if depth:
        inner = partial(random_schema, chance, depth - 1)
        keywords |= {
            "properties": lambda: {name: inner() for name in chance.sample("abc", 2)},
            "additionalProperties": inner,
            "items": inner,
            "anyOf": lambda: [inner(), inner()],
            "allOf": lambda: [inner(), inner()],
            "not": inner,
        }
    return {name: keywords[name]() for name in chance.sample(sorted(keywords), chance.choice([1, 1, 2, 3]))}


@pytest.mark.source
def test_a_quick_yes_is_never_wrong() -> None:
    chance = Random(1)
    agreed = 0
    for _ in range(300):
        schema = random_schema(chance)
        definitions = {"a": random_schema(chance, 1), "b": random_schema(chance, 0)}
        document = {**(schema if isinstance(schema, dict) else {}), "$schema": DRAFT_2020, "$defs": definitions}
        fits, checker = certain_fit(document), Checker(document)
        for value in (random_value(chance) for _ in range(20)):
            if fits(value):
                agreed += 1
                assert _fits(checker, value), (document, value)
    assert agreed > 1000


def _fits(checker: Checker, value: Any) -> bool:
    try:
        return not checker.errors(value)
    except Undecidable:  # the schema refers to itself without end; the quick yes must not have said so
        return False
