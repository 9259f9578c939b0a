"""Schemas in the dialects of providers, whatever the schema: nothing is lost, and nothing is too odd."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from ckservice.json_schema import problems
from ckservice.llm.structured.dialects import ANTHROPIC, OPENAI, Dialect
from tests.strict_subset import assert_in_subset

pytestmark = pytest.mark.source

DIALECTS = pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
PROPERTY = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

NAMES = st.sampled_from(["a", "b", "value", "additionalProperties", "\u00e9 x"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "1", "null"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
DEFS = st.sampled_from(["p", "q"])


def members(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, inner, max_size=3)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    properties = draw(members(inner))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    additional = draw(st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": True}]) |
                      inner.map(lambda schema: {"additionalProperties": schema}))  # fmt: skip
    return {"type": "object", "properties": properties, "required": required, **additional}


SAYABLE = st.recursive(
    st.sampled_from([{"type": name} for name in ("string", "integer", "number", "boolean", "null")])
    | st.lists(JSON, min_size=1, max_size=3).map(lambda values: {"enum": values})
    | JSON.map(lambda value: {"const": value})
    | DEFS.map(lambda name: {"$ref": f"#/$defs/{name}", "description": "D"})
    | DEFS.map(lambda name: {"$ref": f"#/$defs/{name}"})
    | st.just({}) | st.just({"type": "object"}) | st.just({"type": ["integer", "string"]}),
    lambda inner: objects(inner)
    | inner.map(lambda schema: {"type": "array", "items": schema})
    | st.lists(inner, min_size=1, max_size=2).map(lambda some: {"type": "array", "prefixItems": some, "items": False})
    | st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some})
    | inner.map(lambda schema: {"allOf": [schema], "title": "T"}),
    max_leaves=8,
)  # fmt: skip
"""Schemas of which nothing is lost in the dialects."""

ROOTS = st.builds(lambda root, p, q: {**root, "$defs": {"p": p, "q": q}}, SAYABLE, SAYABLE, SAYABLE)


@st.composite
def conforming(draw: st.DrawFn, image: dict[str, Any], defs: dict[str, Any], depth: int = 0) -> Any:
    """A value that a provider which enforces a schema may come up with."""
    if "$ref" in image:
        return draw(conforming(defs[image["$ref"].removeprefix("#/$defs/")], defs, depth + 1))
    if "anyOf" in image:
        branches = [branch for branch in image["anyOf"] if depth < 6 or branch == {"type": "null"}]
        return draw(conforming(draw(st.sampled_from(branches or image["anyOf"])), defs, depth + 1))
    if "enum" in image:
        return draw(st.sampled_from(image["enum"]))
    if image["type"] == "array":
        return draw(st.lists(conforming(image["items"], defs, depth + 1), max_size=0 if depth > 6 else 2))
    if image["type"] == "object":
        left_out = st.booleans() if depth < 6 else st.just(True)
        names = [name for name in image["properties"] if name in image["required"] or not draw(left_out)]
        return {name: draw(conforming(image["properties"][name], defs, depth + 1)) for name in names}
    kinds = {"string": st.sampled_from(["", "x", "1", '{"a":[null]}']), "integer": st.integers(-3, 3),
             "number": st.sampled_from([1.5, 2]), "boolean": st.booleans(), "null": st.none()}  # fmt: skip
    return draw(kinds[image["type"]])


@DIALECTS
@PROPERTY
@given(schema=ROOTS, data=st.data())
def test_what_is_enforced_is_what_was_asked_for(dialect: Dialect, schema: dict[str, Any], data: st.DataObject) -> None:
    form = dialect.translate(schema)
    if form is None:
        return
    assert_in_subset(form.schema, dialect)
    try:
        said = data.draw(conforming(form.schema, form.schema.get("$defs", {})))
    except RecursionError:  # a schema that only endless values fit
        return
    assert problems(said, form.schema) == []
    assert problems(form.restore(said), schema) == [], (said, form.schema)


@st.composite
def instances(draw: st.DrawFn, schema: dict[str, Any], root: dict[str, Any], depth: int = 0) -> Any:
    """A value that fits a schema of `SAYABLE`."""

    def of(inner: Any) -> Any:
        assume(depth < 6)
        return draw(instances(inner if isinstance(inner, dict) else {}, root, depth + 1))

    if "$ref" in schema:
        return of(root["$defs"][schema["$ref"][-1]])
    if "anyOf" in schema or "allOf" in schema:
        return of(draw(st.sampled_from(schema.get("anyOf") or schema["allOf"])))
    if "enum" in schema or "const" in schema:
        return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
    if schema.get("type") == "object":
        properties, required = schema.get("properties", {}), schema.get("required", [])
        value = {name: of(inner) for name, inner in properties.items() if name in required or draw(st.booleans())}
        additional = schema.get("additionalProperties", not properties)
        return {**value, "other": of(additional)} if additional is not False and draw(st.booleans()) else value
    if "prefixItems" in schema:
        return [of(inner) for inner in schema["prefixItems"]]
    if "items" in schema:
        return [of(schema["items"])] * draw(st.integers(0, 2))
    kinds = {"string": st.text(max_size=2), "number": st.floats(-9, 9), "boolean": st.booleans(), "null": st.none()}
    return draw({**kinds, "integer": st.integers(-9, 9)}.get(str(schema.get("type")), JSON))


class Narrower(Exception):
    """The dialects allow less: an object that says nothing of other members has none."""


def encoded(value: Any, schema: dict[str, Any], root: dict[str, Any], dialect: Dialect) -> Any:
    """What a model has to say for a value."""

    def inner(value: Any, schema: Any) -> Any:
        return encoded(value, schema if isinstance(schema, dict) else {}, root, dialect)

    if "$ref" in schema:
        return inner(value, root["$defs"][schema["$ref"][-1]])
    if "anyOf" in schema or "allOf" in schema:
        branches = schema.get("anyOf") or schema["allOf"]
        fitting = [branch for branch in branches if not problems(value, {**branch, "$defs": root["$defs"]})]
        return first_possible(fitting, lambda branch: inner(value, branch))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        is_text = value is not None and any(isinstance(item, dict | list) for item in values)
        return to_text(value) if is_text else value
    if schema.get("type") == "object":
        return encoded_object(value, schema, inner, dialect)
    if "prefixItems" in schema:
        if len(value) < len(schema["prefixItems"]):
            raise Narrower
        return {str(place): inner(value[place], item) for place, item in enumerate(schema["prefixItems"])}
    if "items" in schema:
        return [inner(item, schema["items"]) for item in value]
    return value if "type" in schema else to_text(value)


def first_possible(branches: list[Any], encode: Callable[[Any], Any]) -> Any:
    for branch in branches:
        with suppress(Narrower):
            return encode(branch)
    raise Narrower


def encoded_object(value: Any, schema: dict[str, Any], inner: Callable[[Any, Any], Any], dialect: Dialect) -> Any:
    properties = schema.get("properties", {})
    others = [name for name in value if name not in properties]
    additional = schema.get("additionalProperties", not properties)
    if others and additional is False:
        raise Narrower
    entries = [{"key": name, "value": inner(value[name], additional)} for name in others]
    if not properties and additional is not False:
        return entries
    absent = dict.fromkeys(properties) if dialect is OPENAI else {}
    named = {name: inner(value[name], properties[name]) for name in properties if name in value}
    rest = "additionalProperties" + "_" * ("additionalProperties" in properties)
    return {**absent, **named, **({} if additional is False else {rest: entries})}


def to_text(value: Any) -> str:
    return orjson.dumps(value).decode()


@DIALECTS
@PROPERTY
@given(schema=ROOTS, data=st.data())
def test_every_value_can_be_said_and_comes_back(dialect: Dialect, schema: dict[str, Any], data: st.DataObject) -> None:
    form = dialect.translate(schema)
    assume(form is not None)
    assert form is not None
    value = data.draw(instances(schema, schema))
    assume(not problems(value, schema))
    try:
        said = encoded(value, schema, schema, dialect)
    except Narrower:
        return
    if problems(said, form.schema):
        said = {"value": said}
    assert problems(said, form.schema) == []
    restored = form.restore(said)
    assert problems(restored, schema) == [], (said, form.schema)
    if "anyOf" not in (text := json.dumps(schema)) and "null" not in text:  # else there are several ways to say it
        assert restored == value


ODD = st.sampled_from(
    [
        {"minLength": 2}, {"not": {"type": "string"}}, {"patternProperties": {"^a": {}}}, {"uniqueItems": True},
        {"default": None}, {"minimum": 2}, {"pattern": "^a(?=b)"}, {"minProperties": 1}, {"contains": {}}, {"type": []},
        {"oneOf": [{}, {"type": "string"}]}, {"if": {}, "then": {}}, {"propertyNames": {"enum": ["a"]}}, {"anyOf": []},
        {"items": [{}, False]}, {"properties": {"a": False}, "required": ["a", "z"]}, {"$ref": "#/$defs/p/items"},
        {"$ref": "#"}, {"additionalProperties": False}, {"title": 5}, {"description": {}}, {"type": "any"}, {"enum": 5},
        {"format": ["a"]}, {"pattern": 5}, {"required": "a"}, {"properties": []}, {"maxItems": 0.5}, {"allOf": {}},
        {"type": "array", "minItems": 3}, {"dependentRequired": {"a": ["b"]}}, {"$anchor": "a"}, {"const": 1e300},
    ]
)  # fmt: skip
ANYTHING = st.recursive(
    SAYABLE | ODD | st.booleans() | JSON,
    lambda inner: st.builds(lambda one, other: {**one, **other} if isinstance(one, dict) and isinstance(other, dict) else one, inner, ODD)
    | st.lists(inner, max_size=3).map(lambda some: {"allOf": some})
    | objects(inner)
    | inner.map(lambda schema: {"items": schema}),
    max_leaves=6,
)  # fmt: skip


@DIALECTS
@PROPERTY
@given(
    schema=st.builds(
        lambda root, p: {**(root if isinstance(root, dict) else {}), "$defs": {"p": p}}, ANYTHING, ANYTHING
    )
)
def test_no_schema_is_too_odd(dialect: Dialect, schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    form = dialect.translate(schema)
    assert json.dumps(schema) == before
    if form is not None:
        assert_in_subset(form.schema, dialect)
        again = dialect.translate(json.loads(before))
        assert again is not None
        assert json.dumps(again.schema) == json.dumps(form.schema)


@DIALECTS
@PROPERTY
@given(schema=ROOTS, value=JSON)
def test_what_was_not_enforced_is_left_to_the_validation(dialect: Dialect, schema: dict[str, Any], value: Any) -> None:
    form = dialect.translate(schema)
    if form is not None:
        form.restore(value)
        form.restore({"value": value})
