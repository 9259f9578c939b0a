"""The TypeScript generator: shape by shape here, and as a whole before the compilers and zod in Node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn, get_args

import pytest
from jsonschema import Draft202012Validator

from ckservice.typescript import UnsupportedSchemaError, protocol_ts, zod_ts
from ckservice.typescript.contract import read_contract
from ckservice.typescript.shapes import Shape
from ckservice.typescript.types import type_of
from ckservice.typescript.zod import schema_of

Json = dict[str, Any]

TESTS = Path(__file__).parent
NODE = TESTS / "node"
SCHEMAS = TESTS.parent / "schemas"
EVERY_SHAPE: Json = json.loads((TESTS / "data" / "every_shape.json").read_text("utf-8"))
HASH = "0123456789abcdef" * 4

COMPILERS = ("typescript", "typescript-latest")
# How the two kinds of consumer compile: Node itself, and the bundler of an Electron app.
CONSUMERS = {
    "node": (),
    "bundler": ("--module", "esnext", "--moduleResolution", "bundler", "--verbatimModuleSyntax"),
}
COMPILE_SECONDS = 60


def bundle(definitions: Mapping[str, object], **sections: Json) -> Json:
    """The smallest contract that has these definitions."""
    error_data = {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]}
    return {
        "protocolVersion": 1,
        "methods": {},
        "notifications": {},
        "errors": {
            "kinds": {"internal": {"code": -32603, "retryable": False, "summary": "A bug."}},
            "data": {"$ref": "#/$defs/ErrorData"},
        },
        "$defs": {**definitions, "ErrorData": error_data},
        **sections,
    }


def member_lines(schema: object, *definitions: str) -> tuple[str, str]:
    """How the two files spell a required member `x` of this schema."""
    others = {name: {"enum": ["a", "b"]} for name in definitions}
    owner = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    contract = bundle({**others, "Owner": owner})
    return one(r"^  x: (.*);$", protocol_ts(contract, HASH)), one(r"^  x: (.*),$", zod_ts(contract))


def one(pattern: str, text: str) -> str:
    found: list[str] = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, f"{pattern} found {found} in:\n{text}"
    return found[0]


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


# --- In Node ---


@dataclass(frozen=True)
class Project:
    """A folder laid out like the repository, with generated files and the workspace's packages."""

    node: str
    root: Path

    def compile(self, compiler: str, *flags: str) -> list[Complaint]:
        return compile_folder(self.node, self.root / "tests" / "node", compiler, *flags)

    @property
    def generated(self) -> Path:
        return self.root / "schemas" / "typescript"

    @property
    def type_tests(self) -> Path:
        return self.root / "tests" / "node" / "types.test-d.ts"


@dataclass(frozen=True, order=True)
class Complaint:
    file: str
    line: int
    code: str
    message: str


def compile_folder(node: str, folder: Path, compiler: str, *flags: str) -> list[Complaint]:
    """What a compiler says about the project in `folder`; an empty list is success."""
    run = subprocess.run(
        [node, NODE / "node_modules" / compiler / "bin" / "tsc", "--project", folder, "--pretty", "false", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=COMPILE_SECONDS,
        check=False,
    )
    found = re.findall(r"^(\S+?)\((\d+),\d+\): error (TS\d+): (.*)$", run.stdout, re.MULTILINE)
    complaints = [Complaint(Path(file).name, int(line), code, message) for file, line, code, message in found]
    assert (run.returncode == 0) == (not complaints), run.stdout + run.stderr
    return sorted(complaints)


def unavailable(reason: str) -> NoReturn:
    """Skip here, but fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node, with all that it needs."""
    executable = shutil.which("node")
    if executable is None:
        unavailable("node is not installed")
    missing = [name for name in (*COMPILERS, "zod") if not (NODE / "node_modules" / name / "package.json").exists()]
    if missing:
        unavailable(f"tests/node has no {', '.join(missing)}: run `npm ci` there")
    return executable


@pytest.fixture
def project(node: str, tmp_path: Path) -> Project:
    """A project with no generated files yet."""
    folder = tmp_path / "tests" / "node"
    folder.mkdir(parents=True)
    (tmp_path / "schemas" / "typescript").mkdir(parents=True)
    (tmp_path / "package.json").write_text('{ "type": "module" }\n', "utf-8")
    shutil.copy(NODE / "tsconfig.json", folder)
    for place in (tmp_path, folder):
        (place / "node_modules").symlink_to(NODE / "node_modules", target_is_directory=True)
    return Project(node, tmp_path)


@pytest.fixture
def sample(project: Project) -> Project:
    """The project with what is generated from the sample contract."""
    (project.generated / "protocol.ts").write_text(protocol_ts(EVERY_SHAPE, HASH), "utf-8")
    (project.generated / "zod.ts").write_text(zod_ts(EVERY_SHAPE), "utf-8")
    return project


@pytest.fixture
def real(project: Project) -> Project:
    """The project with the contract's own generated files and the type tests."""
    for name in ("protocol.ts", "zod.ts"):
        if not (SCHEMAS / "typescript" / name).exists():
            unavailable(f"schemas/typescript/{name} is missing: run `ckservice schema`")
        shutil.copy(SCHEMAS / "typescript" / name, project.generated)
    shutil.copy(NODE / "types.test-d.ts", project.type_tests)
    return project


def replace_once(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} must be in {file.name} once"
    file.write_text(text.replace(old, new), "utf-8")


@pytest.mark.node
@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_sample_compiles(sample: Project, compiler: str, consumer: str) -> None:
    assert sample.compile(compiler, *CONSUMERS[consumer]) == []


@pytest.mark.node
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeoutMs: z.int().gt(0).exactOptional()", "timeoutMs: z.int().gt(0).optional()"),
        ("  token: z.string(),", "  token: z.int(),"),
        ("  tokenIndex: z.int().min(0),\n", ""),
        ("fallback: z.array(z.lazy(() => ProviderConfig))", "fallback: z.array(z.lazy(() => ProviderName))"),
        ("  'stream/token': TokenParams,\n", ""),
        ("'ping': { params: NoParams, result: Empty }", "'ping': { params: Meta, result: Decision }"),
    ],
)
def test_a_zod_schema_that_strays_from_its_interface_does_not_compile(sample: Project, old: str, new: str) -> None:
    replace_once(sample.generated / "zod.ts", old, new)
    assert {complaint.file for complaint in sample.compile("typescript-latest")} == {"zod.ts"}


@pytest.mark.node
@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_contract_passes_its_type_tests(real: Project, compiler: str, consumer: str) -> None:
    assert real.compile(compiler, *CONSUMERS[consumer]) == []


@pytest.mark.node
@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_that_is_in_the_workspace_compiles(node: str, compiler: str) -> None:
    """In place: the client beside the generated files, too."""
    if not (SCHEMAS / "typescript" / "protocol.ts").exists():
        unavailable("schemas/typescript/protocol.ts is missing: run `ckservice schema`")
    assert compile_folder(node, NODE, compiler) == []


@pytest.mark.node
def test_the_types_work_as_a_declaration_file(real: Project) -> None:
    emit = ("--noEmit", "false", "--declaration", "--emitDeclarationOnly")
    assert real.compile("typescript", *emit) == []
    assert (real.generated / "protocol.d.ts").exists()
    (real.generated / "protocol.ts").unlink()
    (real.generated / "zod.ts").unlink()
    assert real.compile("typescript") == []


EXPECTATION = re.compile(r"^ *// @ts-expect-error ((?:TS\d+ ?)+): .*$")


@pytest.mark.node
@pytest.mark.parametrize("compiler", COMPILERS)
def test_each_type_test_bites_for_its_own_reason(real: Project, compiler: str) -> None:
    lines = real.type_tests.read_text("utf-8").splitlines()
    expected = {at + 2: found[1].split() for at, line in enumerate(lines) if (found := EXPECTATION.match(line))}
    unnamed = [line for line in lines if "// @ts-expect-error" in line and not EXPECTATION.match(line)]
    assert unnamed == [], "each names the code that it expects"
    bare = ["" if EXPECTATION.match(line) else line for line in lines]
    real.type_tests.write_text("\n".join(bare), "utf-8")

    complaints = {complaint.line: complaint.code for complaint in real.compile(compiler)}

    unlike = {line: complaints.get(line) for line in expected if complaints.get(line) not in expected[line]}
    assert unlike == {}
    assert complaints.keys() == expected.keys()


@pytest.mark.node
def test_one_expectation_less_is_one_error_more(real: Project) -> None:
    text = real.type_tests.read_text("utf-8")
    real.type_tests.write_text(re.sub(r"(?m)^ *// @ts-expect-error.*\n", "", text, count=1), "utf-8")
    assert [complaint.file for complaint in real.compile("typescript-latest")] == ["types.test-d.ts"]


WEAKENINGS = {
    "optional-param": (r"  messages: ", "  messages?: "),
    "wide-param": (r"  stream\?: boolean;", "  stream?: JsonValue;"),
    "any-result": (r"result: CompleteResult }", "result: any }"),
    "wide-role": (r"role: 'system'", "role: string | 'system'"),
    "undefined": (r"  timeoutMs\?: number", "  timeoutMs?: number | undefined"),
    "wide-kind": (r"export type ErrorKind =", "export type ErrorKind = (string & {}) |"),
    "open-calls": (r"export interface Methods {", "export interface Methods {\n  [name: string]: any;"),
}


@pytest.mark.node
@pytest.mark.parametrize(("pattern", "replacement"), WEAKENINGS.values(), ids=WEAKENINGS)
def test_the_type_tests_notice_a_weaker_contract(real: Project, pattern: str, replacement: str) -> None:
    protocol = real.generated / "protocol.ts"
    weaker, count = re.subn(pattern, lambda _: replacement, protocol.read_text("utf-8"))
    assert count, f"nothing like {pattern!r} in protocol.ts"
    protocol.write_text(weaker, "utf-8")
    (real.generated / "zod.ts").unlink()
    assert "types.test-d.ts" in {complaint.file for complaint in real.compile("typescript-latest")}


VERDICTS = """\
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import * as schemas from './out/zod.js';

function verdict([path, value]) {
  const { success, data } = path.reduce((node, key) => node[key], schemas).safeParse(value);
  if (!success) return 'invalid';
  return isDeepStrictEqual(data, value) ? 'valid' : 'changed';
}

console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(verdict)));
"""


def verdicts(project: Project, cases: list[tuple[list[str], object]]) -> list[str]:
    """What the generated schemas say about values: valid, invalid, or changed."""
    out = project.root / "out"
    emit = ("--noEmit", "false", "--outDir", str(out), "--rootDir", str(project.generated))
    project.type_tests.unlink(missing_ok=True)
    assert project.compile("typescript", *emit) == []
    script = project.root / "verdicts.js"
    script.write_text(VERDICTS, "utf-8")
    run = subprocess.run(
        [project.node, script],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=True,
    )
    answers: list[str] = json.loads(run.stdout)
    return answers


TEXT = {"type": "text", "text": "Hi"}
ASK = {"messages": [{"role": "user", "content": [TEXT]}]}
LEAF = {"kind": "leaf", "value": 1}
TOKEN = {"requestId": "a", "seq": 0, "token": "", "tokenIndex": 0}
HOST = {"name": "host", "version": "1"}

VALUES: list[tuple[str, object]] = [
    ("NoParams", {}),
    ("NoParams", {"x": 1}),
    ("NoParams", []),
    ("NoParams", None),
    ("Empty", {"later": 1}),
    ("Meta", {"timeoutMs": 1, "later": {}}),
    ("Meta", {"timeoutMs": 0}),
    ("Meta", {"timeoutMs": 1.5}),
    ("Meta", {"timeoutMs": None}),
    ("Meta", {"traceparent": f"00-{'a' * 32}"}),
    ("Meta", {"traceparent": f"00-{'a' * 32}/"}),
    ("ClientInfo", {"name": "", "version": ""}),
    ("ClientInfo", {"name": "n"}),
    ("InitializeParams", {"protocolVersion": 1, "clientInfo": HOST, "later": True}),
    ("InitializeParams", {"protocolVersion": 2, "clientInfo": HOST}),
    ("InitializeParams", {"protocolVersion": 1, "clientInfo": {**HOST, "later": True}}),
    ("InitializeParams", {"protocolVersion": 1, "clientInfo": HOST, "optOutNotifications": ["a"] * 4}),
    ("Settings", {"temperature": 2, "ratio": 0.75}),
    ("Settings", {"temperature": 2.01}),
    ("Settings", {"ratio": 1}),
    ("Settings", {"ratio": 0.7}),
    ("Settings", {"providers": {"openai": {"provider": "openai"}}}),
    ("Settings", {"providers": {"acme": {"provider": "openai"}}}),
    ("Settings", {"providers": {"openai": {}}}),
    ("Settings", {"colors": {"fg": "red", "bg": 1}}),
    ("Settings", {"colors": {"\N{GRINNING FACE}": "one character"}}),
    ("Settings", {"colors": {"fg": None}}),
    ("Settings", {"extra": {"deep": [{"er": None}]}}),
    ("ProviderConfig", {"provider": "offline", "fallback": [{"provider": "openai", "headers": {"a": "b"}}]}),
    ("ProviderConfig", {"provider": "offline", "fallback": [{"provider": "openai", "fallback": [{}]}]}),
    ("ProviderConfig", {"provider": "offline", "fallback": []}),
    ("CompleteParams", ASK),
    ("CompleteParams", {"messages": []}),
    ("CompleteParams", {**ASK, "later": 1}),
    ("CompleteParams", {**ASK, "userPrompt": "\N{GRINNING FACE}" * 6}),
    ("CompleteParams", {**ASK, "userPrompt": "\N{GRINNING FACE}" * 2}),
    ("CompleteParams", {**ASK, "userPrompt": "seven77"}),
    ("CompleteParams", {**ASK, "stop": ["a", None]}),
    ("CompleteParams", {**ASK, "stop": [1]}),
    ("CompleteParams", {**ASK, "mode": None}),
    ("CompleteParams", {**ASK, "mode": 2}),
    ("CompleteParams", {**ASK, "config": {"provider": "nobody"}}),
    ("Part", {"type": "tool", "arguments": None}),
    ("Part", {"type": "tool"}),
    ("Part", {"type": "image"}),
    ("Part", {"text": "no type"}),
    ("Tree", {"kind": "branch", "children": [LEAF, {"kind": "branch", "children": [LEAF]}]}),
    ("Tree", {"kind": "branch", "children": [LEAF, {"kind": "branch", "children": [TEXT]}]}),
    ("CompleteResult", {"content": "", "costUsd": None, "later": 1, "origin": {"line": 1, "later": 1}}),
    ("CompleteResult", {"content": "", "costUsd": -1}),
    ("CompleteResult", {"content": "", "costUsd": 0, "vectors": [[1.5], []]}),
    ("CompleteResult", {"content": "", "costUsd": 0, "vectors": [1.5]}),
    ("CompleteResult", {"content": ""}),
    ("ApprovalParams", {"tool": "t", "arguments": {}, "nothing": None}),
    ("ApprovalParams", {"tool": "t", "arguments": []}),
    ("TokenParams", {**TOKEN, "later": 1}),
    ("TokenParams", {**TOKEN, "requestId": 1.5}),
    ("TokenParams", {**TOKEN, "requestId": "\N{GRINNING FACE}" * 256}),
    ("TokenParams", {**TOKEN, "requestId": "x" * 257}),
    ("TokenParams", {**TOKEN, "seq": "0"}),
]


@pytest.mark.node
def test_zod_agrees_with_json_schema_and_changes_nothing(sample: Project) -> None:
    def validator(name: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": EVERY_SHAPE["$defs"]})

    expected = ["valid" if validator(name).is_valid(value) else "invalid" for name, value in VALUES]
    assert 20 < expected.count("valid") < len(expected) - 20, "both verdicts are put to the test"

    answers = verdicts(sample, [([name], value) for name, value in VALUES])

    wrong = [(*case, answer) for case, want, answer in zip(VALUES, expected, answers, strict=True) if answer != want]
    assert wrong == []


@pytest.mark.node
def test_zod_checks_what_jsonschema_does_not(sample: Project) -> None:
    """Formats, and the end of a pattern: to Python's `re`, though not to Pydantic, `$` is before a last newline too."""
    started = {"schemaHash": "a" * 64, "capabilities": {}}
    cases: list[tuple[list[str], object, str]] = [
        (["InitializeResult"], {**started, "startedAt": "2025-01-31T12:00:00.123456Z", "day": "2025-01-31"}, "valid"),
        (["InitializeResult"], {**started, "startedAt": "2025-01-31T12:00:00+01:00"}, "valid"),
        (["InitializeResult"], {**started, "startedAt": "2025-01-31T12:00:00"}, "invalid"),
        (["InitializeResult"], {**started, "startedAt": "2025-01-31T12:00:00Z", "day": "31.1."}, "invalid"),
        (["ProviderConfig"], {"provider": "openai", "endpoint": "http://localhost:11434"}, "valid"),
        (["ProviderConfig"], {"provider": "openai", "endpoint": "localhost"}, "invalid"),
        (["ClientInfo"], {**HOST, "build-id": "0f8fad5b-d9cb-469f-a165-70867728950e"}, "valid"),
        (["ClientInfo"], {**HOST, "build-id": "1"}, "invalid"),
        (["Meta"], {"traceparent": f"00-{'a' * 32}\n"}, "invalid"),
    ]
    assert verdicts(sample, [(path, value) for path, value, _ in cases]) == [want for *_, want in cases]


@pytest.mark.node
def test_the_tables_of_the_contract_lead_to_its_schemas(real: Project) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    cases: list[tuple[list[str], object, str]] = [
        (["methods", "chat/complete", "params"], {"messages": messages, "stream": False}, "valid"),
        (["methods", "chat/complete", "params"], {"messages": messages, "streaming": False}, "invalid"),
        (["methods", "chat/complete", "params"], {"messages": "Hello"}, "invalid"),
        (["methods", "ping", "params"], {"_meta": {"timeoutMs": 1000}}, "valid"),
        (["methods", "ping", "params"], {"_meta": {"timeoutMs": 0}}, "invalid"),
        (["hostMethods", "approval/request", "result"], {"decision": "approved"}, "valid"),
        (["hostMethods", "approval/request", "result"], {"decision": "perhaps"}, "invalid"),
        (["notifications", "stream/token"], TOKEN, "valid"),
        (["notifications", "stream/token"], {**TOKEN, "later": "ignored"}, "valid"),
        (["notifications", "stream/token"], {**TOKEN, "token": None}, "invalid"),
        (["notifications", "$/cancelRequest"], {"id": 7}, "valid"),
        (["notifications", "$/cancelRequest"], {}, "invalid"),
    ]
    assert verdicts(real, [(path, value) for path, value, _ in cases]) == [want for *_, want in cases]
