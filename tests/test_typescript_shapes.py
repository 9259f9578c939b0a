"""The TypeScript generator, shape by shape: what it writes, what it refuses, and that it knows every shape."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import pytest

from ckservice.typescript import UnsupportedSchemaError, protocol_ts, zod_ts
from ckservice.typescript.contract import read_contract
from ckservice.typescript.shapes import Shape
from ckservice.typescript.types import type_of
from ckservice.typescript.zod import schema_of
from tests.typescript_contracts import EVERY_SHAPE, HASH, bundle, one

pytestmark = pytest.mark.source


def member_lines(schema: object, *definitions: str) -> tuple[str, str]:
    """How the two files spell a required member `x` of this schema."""
    others = {name: {"enum": ["a", "b"]} for name in definitions}
    owner = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    contract = bundle({**others, "Owner": owner})
    return one(r"^  x: (.*);$", protocol_ts(contract, HASH)), one(r"^  x: (.*),$", zod_ts(contract))


SHAPES = {
    "anything": ({}, "JsonValue", "JsonValue"),
    "true": (True, "JsonValue", "JsonValue"),
    "json-value": ({"$ref": "#/$defs/JsonValue"}, "JsonValue", "JsonValue"),
    "null": ({"type": "null"}, "null", "z.null()"),
    "boolean": ({"type": "boolean"}, "boolean", "z.boolean()"),
    "string": ({"type": "string"}, "string", "z.string()"),
    "not-empty": ({"type": "string", "minLength": 1}, "string", "z.string().min(1)"),
    "at-least": ({"type": "string", "minLength": 2}, "string", "z.string().check(characters(2))"),
    "at-most": ({"type": "string", "maxLength": 9}, "string", "z.string().check(characters(0, 9))"),
    "pattern": ({"type": "string", "pattern": r"^\d/\/$"}, "string", r"z.string().regex(/^\d\/\/$/u)"),
    "date-time": ({"type": "string", "format": "date-time"}, "string", "z.iso.datetime({ offset: true })"),
    "password": ({"type": "string", "format": "password", "writeOnly": True}, "string", "z.string()"),
    "integer": ({"type": "integer", "minimum": 0, "maximum": 9}, "number", "z.int().min(0).max(9)"),
    "number": (
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1.5, "multipleOf": 0.5},
        "number",
        "z.number().gt(0).lt(1.5).multipleOf(0.5)",
    ),
    "const": ({"const": "it's"}, r"'it\'s'", r"z.literal('it\'s')"),
    "enum": ({"enum": ["a", "b"]}, "'a' | 'b'", "z.enum(['a', 'b'])"),
    "mixed-enum": ({"enum": ["a", 1, None, True]}, "'a' | 1 | null | true", "z.literal(['a', 1, null, true])"),
    "reference": ({"$ref": "#/$defs/Name", "description": ""}, "Name", "Name"),
    "array": ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "string[]", "z.array(z.string()).min(1)"),
    "array-of-anything": ({"type": "array"}, "JsonValue[]", "z.array(JsonValue)"),
    "array-of-union": (
        {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2},
        "(1 | 2)[]",
        "z.array(z.literal([1, 2])).max(2)",
    ),
    "nullable": ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "number | null", "z.int().nullable()"),
    "union": (
        {"anyOf": [{"$ref": "#/$defs/Name"}, {"type": "integer"}, {"type": "null"}]},
        "Name | number | null",
        "z.union([Name, z.int()]).nullable()",
    ),
    "same-type-twice": (
        {"anyOf": [{"type": "integer"}, {"type": "number"}]},
        "number",
        "z.union([z.int(), z.number()])",
    ),
    "object": ({"type": "object"}, "JsonObject", "JsonObject"),
    "open-empty": ({"type": "object", "properties": {}}, "JsonObject", "JsonObject"),
    "closed-empty": (
        {"type": "object", "properties": {}, "additionalProperties": False},
        "Record<string, never>",
        "z.strictObject({})",
    ),
    "map": (
        {"type": "object", "additionalProperties": {"type": "number"}},
        "Record<string, number>",
        "z.record(z.string(), z.number())",
    ),
    "map-by-enum": (
        {"type": "object", "propertyNames": {"$ref": "#/$defs/Name"}, "additionalProperties": {"type": "null"}},
        "Partial<Record<Name, null>>",
        "z.partialRecord(Name, z.null())",
    ),
    "map-by-text": (
        {"type": "object", "propertyNames": {"minLength": 2}, "additionalProperties": True},
        "Record<string, JsonValue>",
        "z.record(z.string().check(characters(2)), JsonValue)",
    ),
}


@pytest.mark.parametrize(("schema", "type_", "check"), SHAPES.values(), ids=SHAPES)
def test_a_shape_is_spelt_in_both_files(schema: object, type_: str, check: str) -> None:
    assert member_lines(schema, "Name") == (type_, check)


UNSUPPORTED = {
    "unknown-keyword": ({"type": "string", "contentEncoding": "base64"}, "/properties/x: ", "contentEncoding"),
    "unknown-type": ({"type": "date"}, "/properties/x: ", "type"),
    "list-of-types": ({"type": ["string", "null"]}, "/properties/x: ", "type"),
    "no-shape": ({"minLength": 1}, "/properties/x: ", "minLength"),
    "false": (False, "/properties/x: ", "false"),
    "keyword-beside-reference": ({"$ref": "#/$defs/Name", "minLength": 1}, "/properties/x: ", "minLength"),
    "all-of": ({"allOf": [{"type": "string"}]}, "/properties/x: ", "allOf"),
    "exclusive": ({"oneOf": [{"type": "string"}]}, "/properties/x: ", "discriminator"),
    "unknown-reference": ({"$ref": "#/$defs/Nobody"}, "#/$defs/Owner: ", "Nobody"),
    "foreign-reference": ({"$ref": "other.json"}, "/properties/x: ", "other.json"),
    "literal-object": ({"const": {"a": 1}}, "/properties/x: ", "literals"),
    "unknown-format": ({"type": "string", "format": "hostname"}, "/properties/x: ", "hostname"),
    "python-pattern": ({"type": "string", "pattern": r"(?P<n>a)\Z"}, "/properties/x: ", "ECMAScript"),
    "inside-items": ({"type": "array", "items": {"type": "array", "uniqueItems": True}}, "/x/items: ", "uniqueItems"),
    "inside-union": ({"anyOf": [{"type": "null"}, {"not": {}}]}, "/x/anyOf/1: ", "not"),
    "inside-map": ({"type": "object", "additionalProperties": {"if": {}}}, "/x/additionalProperties: ", "if"),
    "undescribed": ({"type": "object", "properties": {"a": {}}, "required": ["b"]}, "/properties/x: ", "b"),
    "named-and-others": (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        "/properties/x: ",
        "named properties",
    ),
}


@pytest.mark.parametrize(("schema", "at", "problem"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_an_unknown_shape_fails_and_says_where(schema: object, at: str, problem: str) -> None:
    with pytest.raises(UnsupportedSchemaError, match=f"{re.escape(at)}.*{re.escape(problem)}"):
        member_lines(schema, "Name")


def test_the_sample_has_every_shape() -> None:
    def kinds(part: object) -> set[type]:
        """The types of all the dataclasses in a tree of them."""
        if isinstance(part, tuple):
            return set().union(*map(kinds, part))
        if not is_dataclass(part):
            return set()
        return {type(part)}.union(*(kinds(getattr(part, field.name)) for field in fields(part)))

    definitions = read_contract(EVERY_SHAPE).definitions.values()
    assert kinds(tuple(definitions)).issuperset(get_args(Shape))


@pytest.mark.parametrize("printer", [type_of, schema_of])
def test_every_shape_has_its_spelling(printer: Any) -> None:
    missing = [shape for shape in get_args(Shape) if printer.dispatch(shape) is printer.dispatch(object)]
    assert missing == []
