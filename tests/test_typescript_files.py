"""The generated files as a whole: how the parts of a bundle must fit each other, and how the text is laid out."""

from __future__ import annotations

import json
import re

import pytest

from ckservice.typescript import UnsupportedSchemaError, protocol_ts, zod_ts
from tests.typescript_contracts import EVERY_SHAPE, HASH, Json, bundle, one

pytestmark = pytest.mark.source


@pytest.mark.parametrize("name", ["Record", "Methods", "JsonRpcMessage", "ProtocolError", "lowercase", "Page[Thread]"])
def test_a_definition_may_not_take_a_name_that_the_files_need(name: str) -> None:
    with pytest.raises(UnsupportedSchemaError, match=re.escape(f"#/$defs/{name}: ")):
        protocol_ts(bundle({name: {"type": "string"}}), HASH)


METHOD: Json = {
    "summary": "Do it.",
    "direction": "hostToService",
    "params": {"$ref": "#/$defs/ErrorData"},
    "result": {"$ref": "#/$defs/ErrorData"},
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"errors": ["unheardOf"]}, r"#/methods/a~1b/errors: .*unheardOf"),
        ({"emits": ["a/b"]}, r"#/methods/a~1b/emits: .*a/b"),
        ({"params": {"$ref": "#/$defs/Nobody"}}, r"#/methods/a~1b: .*Nobody"),
        ({"result": {"type": "null"}}, r"#/methods/a~1b/result: .*\$ref"),
        ({"direction": "sideways"}, r"#/methods/a~1b/direction: "),
        ({"stability": "beta"}, r"#/methods/a~1b: .*stability"),
    ],
)
def test_a_method_must_fit_the_rest_of_the_bundle(change: Json, problem: str) -> None:
    protocol_ts(bundle({}, methods={"a/b": METHOD}), HASH)
    with pytest.raises(UnsupportedSchemaError, match=problem):
        protocol_ts(bundle({}, methods={"a/b": METHOD | change}), HASH)


@pytest.mark.parametrize("keyword", ["direction", "params", "result"])
def test_a_method_is_complete(keyword: str) -> None:
    method = {name: value for name, value in METHOD.items() if name != keyword}
    with pytest.raises(UnsupportedSchemaError, match=f"#/methods/a~1b: .*{keyword}"):
        protocol_ts(bundle({}, methods={"a/b": method}), HASH)


def test_the_contract_may_name_the_request_id_and_the_error_kinds_itself() -> None:
    ours = protocol_ts(bundle({"RequestId": {"type": "integer"}, "ErrorKind": {"enum": ["internal"]}}), HASH)
    assert one(r"^export type RequestId = (.*);$", ours) == "number"
    assert one(r"^export type ErrorKind = (.*);$", ours) == "'internal'"
    with pytest.raises(UnsupportedSchemaError, match="#/\\$defs/ErrorKind: "):
        protocol_ts(bundle({"ErrorKind": {"enum": ["internal", "other"]}}), HASH)


def test_what_the_type_cannot_say_is_in_its_comment() -> None:
    schema = {
        "type": "integer",
        "description": "Milliseconds, /* not */ seconds.\n\nZero is never.",
        "default": 30,
        "minimum": 0,
        "examples": [10],
        "deprecated": True,
    }
    text = protocol_ts(bundle({"Owner": {"type": "object", "properties": {"wait": schema, "x-y": {}}}}), HASH)
    assert (
        """\
export interface Owner {
  /**
   * Milliseconds, /* not *\\/ seconds.
   *
   * Zero is never.
   *
   * @default 30
   * @minimum 0
   * @example 10
   * @deprecated
   */
  wait?: number;
  'x-y'?: JsonValue;
}
"""
        in text
    )


def test_a_default_of_null_is_how_pydantic_says_absent() -> None:
    text = protocol_ts(bundle({"Owner": {"type": "object", "properties": {"x": {"default": None}}}}), HASH)
    assert "@default" not in text


def test_a_schema_follows_those_it_uses_and_closes_a_cycle_lazily() -> None:
    text = zod_ts(EVERY_SHAPE)
    names: list[str] = re.findall(r"^export const (\w+)", text, re.MULTILINE)
    assert names.index("TextPart") < names.index("Part") < names.index("ChatMessage") < names.index("CompleteParams")
    assert re.findall(r"z\.lazy\(\(\) => (\w+)\)", text) == ["ProviderConfig", "Tree"]
    assert "export const Part = z.discriminatedUnion('type', [TextPart, ToolPart])" in text
    assert "export const Tree = z.union([Leaf, Branch])" in text, "zod can't look into what is only declared"


def test_a_line_breaks_where_it_is_too_long() -> None:
    values = [f"value-number-{number}" for number in range(10)]
    contract = bundle({"Long": {"enum": values}})
    assert "export type Long =\n  | 'value-number-0'\n  | 'value-number-1'\n" in protocol_ts(contract, HASH)
    assert "export const Long = z.enum([\n  'value-number-0',\n" in zod_ts(contract)
    assert max(map(len, zod_ts(contract).splitlines())) <= 120


@pytest.mark.parametrize("text", [protocol_ts(EVERY_SHAPE, HASH), zod_ts(EVERY_SHAPE)], ids=["protocol", "zod"])
def test_a_file_is_clean_text(text: str) -> None:
    assert text.endswith(("\n",))
    assert not text.endswith("\n\n")
    assert not re.search(r"[ \t\r]\n|\n\n\n|\t", text)
    assert "any" not in re.findall(r"\w+", re.sub(r"//.*|/\*(?s:.*?)\*/", "", text))


def test_the_same_bundle_gives_the_same_text() -> None:
    again = json.loads(json.dumps(EVERY_SHAPE))
    assert protocol_ts(again, HASH) == protocol_ts(EVERY_SHAPE, HASH)
    assert zod_ts(again) == zod_ts(EVERY_SHAPE)


def test_a_helper_is_there_only_where_it_is_used() -> None:
    """A host may compile with `noUnusedLocals`."""
    limited = bundle({"Owner": {"type": "string", "minLength": 2}})
    assert ("function characters" in zod_ts(limited), "function characters" in zod_ts(bundle({}))) == (True, False)
