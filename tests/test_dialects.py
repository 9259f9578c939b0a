"""Schemas in the dialects of providers: that they are taken there, and that what comes back is what was asked for."""

import copy
from typing import Any

import pytest

from ckservice.llm.structured.dialects import ANTHROPIC, OPENAI, Dialect
from tests.strict_subset import assert_in_subset

pytestmark = pytest.mark.source

DIALECTS = pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])


def text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def obj(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), **more}


def closed(**properties: Any) -> dict[str, Any]:
    """An object as the subsets want it."""
    return obj(properties, *properties, additionalProperties=False)


def or_null(image: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [image, {"type": "null"}]}


def entries(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": closed(key=text(), value=value)}


# What becomes of each keyword

NODE = obj({"value": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}, "value")
REFERENCE = {"$ref": "#/$defs/a"}


@pytest.mark.parametrize(
    ("member", "image"),
    [
        (text(maxLength=5, description="Short."), text(description="Short. At most 5 characters.")),
        (text(format="email"), text(format="email")),
        (text(format="iri"), text(description="Format: iri.")),
        (text(pattern="^[a-z]+$"), text(pattern="^[a-z]+$")),
        (text(pattern="^(?!a)"), text(description="Matches the regular expression ^(?!a).")),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1}),
        ({"const": "a"}, text(enum=["a"])),
        ({"enum": ["a", "b", "a"]}, text(enum=["a", "b"])),
        ({"enum": ["a", 1, None], "type": ["string", "null"]}, {"anyOf": [text(enum=["a"]), {"type": "null"}]}),
        ({"enum": [1, True]}, {"anyOf": [{"type": "integer", "enum": [1]}, {"type": "boolean", "enum": [True]}]}),
        ({"enum": [{"a": 1}, "b"]}, text(enum=['{"a":1}', '"b"'])),
        ({"enum": [[], None]}, or_null(text(enum=["[]"]))),
        ({"type": ["string", "null"], "title": "T"}, {**or_null(text()), "title": "T"}),
        ({"type": ["string", "integer"], "minimum": 1}, {"anyOf": [text(), {"type": "integer", "minimum": 1}]}),
        ({"oneOf": [text(), {"type": "null"}]}, or_null(text())),
        ({"anyOf": [False, text()]}, text()),
        ({}, text(description="Any value, written as JSON text.")),
        (True, text(description="Any value, written as JSON text.")),
        ({"type": "object"}, entries(text(description="Any value, written as JSON text."))),
        ({"additionalProperties": {"type": "integer"}}, entries({"type": "integer"})),
        ({"type": "object", "additionalProperties": False}, closed()),
        (
            {"type": "object", "patternProperties": {"^x": text()}},
            {**entries(text()), "description": "Members whose names match a regular expression fit its schema: "
             '{"^x":{"type":"string"}}.'},
        ),
        (
            obj({"a": text()}, "a", additionalProperties=text()),
            closed(a=text(), additionalProperties=entries(text())),
        ),
        (obj({"a": text(), "b": False}, "a", "c"), {**closed(c=text(description="Any value, written as JSON text."),
                                                              a=text())}),
        ({"type": "array", "uniqueItems": True, "items": text()},
         {"type": "array", "items": text(), "description": "No item twice."}),
        ({"prefixItems": [text(), {"type": "null"}], "items": False}, closed(**{"0": text(), "1": {"type": "null"}})),
        ({"prefixItems": [text()], "items": text()}, closed(**{"0": text(), "rest": {"type": "array", "items": text()}})),
        ({"$ref": "#/$defs/a", "description": "D"}, {"anyOf": [REFERENCE], "description": "D"}),
        ({"allOf": [REFERENCE], "description": "D"}, {"anyOf": [REFERENCE], "description": "D"}),
        ({"$ref": "#/$defs/a", "maxLength": 3}, text(description="At most 3 characters.")),
        (
            {"allOf": [obj({"a": text()}, "a"), obj({"b": text()}, "b"), {"properties": {"a": {"enum": ["x"]}}}]},
            closed(a=text(enum=["x"]), b=text()),
        ),
        ({"allOf": [{"type": "number", "minimum": 1}, {"type": "integer", "minimum": 2}]},
         {"type": "integer", "minimum": 2}),
        (
            {**obj({"a": text(), "b": text()}), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"anyOf": [closed(a=text(), b=or_null(text())), closed(b=text(), a=or_null(text()))]},
        ),
        ({"type": "string", "default": "x", "examples": ["y"]},
         text(description='By default "x". For example: ["y"].')),
    ],
)  # fmt: skip
def test_what_a_schema_becomes(member: Any, image: dict[str, Any]) -> None:
    form = OPENAI.translate(obj({"m": member}, "m", **{"$defs": {"a": text(), "unused": {}}}))
    assert form is not None
    assert_in_subset(form.schema, OPENAI)
    assert _without_order(form.schema["properties"]["m"]) == _without_order(image)


def _without_order(image: Any) -> Any:
    if isinstance(image, dict):
        return {key: sorted(value) if key == "required" else _without_order(value) for key, value in image.items()}
    return image


def test_members_that_may_be_left_out_are_nullable_where_all_are_required() -> None:
    schema = obj({"a": text(), "b": text(), "c": {"type": ["string", "null"]}}, "a")
    openai, anthropic = OPENAI.translate(schema), ANTHROPIC.translate(schema)
    assert openai is not None
    assert anthropic is not None
    assert openai.schema == closed(a=text(), b=or_null(text()), c=or_null(text()))
    assert openai.restore({"a": "x", "b": None, "c": None}) == {"a": "x", "c": None}
    assert anthropic.schema["required"] == ["a"]
    assert anthropic.restore({"a": "x"}) == {"a": "x"}


def test_a_schema_that_points_at_itself_is_for_openai_alone() -> None:
    schema = {"$ref": "#/$defs/node", "$defs": {"node": NODE}}
    form = OPENAI.translate(schema)
    assert form is not None
    assert_in_subset(form.schema, OPENAI)
    value = {"value": 1, "next": {"value": 2, "next": None}}
    assert form.restore(value) == {"value": 1, "next": {"value": 2}}
    assert ANTHROPIC.translate(schema) is None
    assert OPENAI.translate(obj({"child": {"$ref": "#"}})) is not None


@DIALECTS
@pytest.mark.parametrize(
    ("schema", "said", "meant"),
    [
        ({"type": "array", "items": text()}, {"value": ["a"]}, ["a"]),
        ({"type": "array", "items": text()}, ["a"], ["a"]),
        ({}, {"value": '{"a": [1]}'}, {"a": [1]}),
        ({}, {"value": "no JSON"}, "no JSON"),
        ({"type": "object"}, {"value": [{"key": "a", "value": "1"}, {"key": "b", "value": '"x"'}]}, {"a": 1, "b": "x"}),
        ({"anyOf": [text(), {"type": "object"}]}, {"value": "a"}, "a"),
        ({"anyOf": [text(), {"type": "object"}]}, {"value": [{"key": "a", "value": "1"}]}, {"a": 1}),
        (
            {"anyOf": [{"type": "array", "items": text()}, {"type": "object"}]},
            {"value": [{"key": "a", "value": "1"}]},
            {"a": 1},
        ),
        (
            obj({"a": text()}, "a", additionalProperties={"type": "integer"}),
            {"a": "x", "additionalProperties": [{"key": "b", "value": 1}, {"key": "a", "value": 2}]},
            {"a": "x", "b": 1},
        ),
        ({"prefixItems": [text(), {}], "items": text()}, {"0": "a", "1": "[2]", "rest": ["c"]}, ["a", [2], "c"]),
        ({"enum": [{"a": 1}, 2]}, {"value": '{"a":1}'}, {"a": 1}),
        (obj({"a": {"type": "object"}}), "nonsense", "nonsense"),
        (obj({"a": {"type": "object"}}, "a"), {"a": [1], "b": [2]}, {"a": [1], "b": [2]}),
    ],
)
def test_a_value_is_restored(dialect: Dialect, schema: dict[str, Any], said: Any, meant: Any) -> None:
    form = dialect.translate(schema)
    assert form is not None
    assert form.restore(copy.deepcopy(said)) == meant


@DIALECTS
@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}},
        {"$ref": "#/$defs/lost"},
        {"$ref": "https://example.com/schema"},
        {"enum": []},
        obj({"a": False}, "a"),
        {"allOf": [{"type": "string"}, {"type": "object"}]},
        {"type": "object", "properties": {"a": {"$ref": "#/default"}}, "default": 1},
        {"type": "array", "items": {"enum": [str(number) for number in range(1001)]}},
        obj({f"p{number}": text() for number in range(5001)}),
        {"anyOf": [{"anyOf": [text()] * 60, "allOf": [{"anyOf": [{}] * 60}]}]},
        {"$schema": "http://json-schema.org/draft-03/schema#", "properties": {"a": {"required": True}}},
    ],
)
def test_what_cannot_be_said_is_nothing(dialect: Dialect, schema: dict[str, Any]) -> None:
    assert dialect.translate(schema) is None


@DIALECTS
def test_depth_is_limited(dialect: Dialect) -> None:
    def nested(levels: int) -> dict[str, Any]:
        return obj({"a": nested(levels - 1)}, "a") if levels else text()

    assert dialect.translate(nested(10)) is not None
    assert dialect.translate(nested(11)) is None
    assert dialect.translate(nested(400)) is None


def test_anthropic_takes_few_optional_members_and_unions() -> None:
    assert ANTHROPIC.translate(obj({f"p{number}": text() for number in range(24)})) is not None
    assert ANTHROPIC.translate(obj({f"p{number}": text() for number in range(25)})) is None
    names = [f"p{number}" for number in range(17)]
    assert ANTHROPIC.translate(obj(dict.fromkeys(names, or_null(text())), *names)) is None
