"""The zod schemas in Node: held against their interfaces by the compiler, and against JSON Schema by their verdicts."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import pytest
from jsonschema import Draft202012Validator

from tests.sidecar import ROOT
from tests.typescript_contracts import EVERY_SHAPE, Json, real_bundle

if TYPE_CHECKING:  # a plugin is pytest's to import
    from tests.typescript_workspace import Complaint, Tree, Workspace

pytest_plugins = ["tests.typescript_workspace"]
pytestmark = [pytest.mark.source, pytest.mark.node]

Case: TypeAlias = tuple[list[str], object, str]
"""The place of a schema in zod.ts, a value, and the verdict that it should give."""

STRAYS = {
    "optional": ("timeoutMs: z.int().gt(0).exactOptional()", "timeoutMs: z.int().gt(0).optional()"),
    "wide-type": ("  token: z.string(),", "  token: z.int(),"),
    "missing-member": ("  tokenIndex: z.int().min(0),\n", ""),
    "other-reference": (
        "fallback: z.array(z.lazy(() => ProviderConfig))",
        "fallback: z.array(z.lazy(() => ProviderName))",
    ),
    "missing-entry": ("  'stream/token': TokenParams,\n", ""),
    "other-schemas": ("'ping': { params: NoParams, result: Empty }", "'ping': { params: Meta, result: Decision }"),
}


@pytest.fixture(scope="module")
def strays(new_workspace: Callable[..., Workspace], trees: dict[str, Tree]) -> dict[str, list[Complaint]]:
    """What the compiler says about the sample, when one schema in it differs from its interface."""

    def stray(old: str, new: str) -> Tree:
        zod = trees["sample"]["schemas/typescript/zod.ts"]
        assert zod.count(old) == 1, f"{old!r} must be in zod.ts once"
        return trees["sample"] | {"schemas/typescript/zod.ts": zod.replace(old, new)}

    workspace = new_workspace({name: stray(old, new) for name, (old, new) in STRAYS.items()})
    return workspace.compile("typescript-latest")


@pytest.mark.parametrize("name", STRAYS)
def test_a_zod_schema_that_strays_from_its_interface_does_not_compile(
    strays: dict[str, list[Complaint]], name: str
) -> None:
    assert {complaint.file for complaint in strays[name]} == {"zod.ts"}


VERDICTS = """\
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import * as schemas from './schemas/typescript/zod.js';

function verdict([path, value]) {
  const { success, data } = path.reduce((node, key) => node[key], schemas).safeParse(value);
  if (!success) return 'invalid';
  return isDeepStrictEqual(data, value) ? 'valid' : 'changed';
}

console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(verdict)));
"""


def verdicts(workspace: Workspace, tree: str, cases: Sequence[Case]) -> list[str]:
    """What the generated schemas say about values: valid, invalid, or changed."""
    workspace.compile("typescript")
    script = workspace.output("typescript") / tree / "verdicts.mjs"
    script.write_text(VERDICTS, "utf-8")
    run = subprocess.run(
        [workspace.node, script],
        input=json.dumps([(path, value) for path, value, _ in cases]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert run.returncode == 0, run.stderr
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


def judged(contract: Json, path: list[str], reference: str, value: object) -> Case:
    """A case with the verdict of an implementation of JSON Schema."""
    validator = Draft202012Validator({"$ref": reference, "$defs": contract["$defs"]})
    return path, value, "valid" if validator.is_valid(value) else "invalid"


def recorded(contract: Json) -> Iterator[Case]:
    """All that hosts and the service have said to each other in the transcripts, and the contract has a schema for."""
    for file in sorted((ROOT / "tests" / "transcripts").glob("*.jsonl")):
        messages = list(messages_of(file.read_text("utf-8")))
        asked: dict[str, set[str]] = defaultdict(set)
        for message in messages:
            if "method" in message and "id" in message:
                asked[json.dumps(message["id"])].add(message["method"])
        for message in messages:
            methods = asked[json.dumps(message.get("id"))] & contract["methods"].keys()
            if "result" in message and len(methods) == 1:
                yield said(contract, "methods", methods.pop(), "result", message["result"])
            elif "params" in message:
                table = "methods" if "id" in message else "notifications"
                if message["method"] in contract[table]:
                    yield said(contract, table, message["method"], "params", message["params"])


def messages_of(transcript: str) -> Iterator[Json]:
    for line in transcript.splitlines():
        entry = json.loads(line)
        message = entry.get("in", entry.get("out"))
        for part in message if isinstance(message, list) else [message]:
            if isinstance(part, dict):
                yield part


def said(contract: Json, section: str, name: str, part: str, value: object) -> Case:
    entry = contract[section][name]
    to_host = entry["direction"] == "serviceToHost"
    path = ["hostMethods" if section == "methods" and to_host else section, name]
    return judged(contract, path if section == "notifications" else [*path, part], entry[part]["$ref"], value)


def wrong(workspace: Workspace, tree: str, cases: Sequence[Case]) -> list[tuple[Case, str]]:
    """The cases with another verdict than they should have, and that verdict."""
    answers = verdicts(workspace, tree, cases)
    return [(case, answer) for case, answer in zip(cases, answers, strict=True) if answer != case[2]]


def test_zod_agrees_with_json_schema_and_changes_nothing(workspace: Workspace) -> None:
    cases = [judged(EVERY_SHAPE, [name], f"#/$defs/{name}", value) for name, value in VALUES]
    valid = [verdict for *_, verdict in cases].count("valid")
    assert 20 < valid < len(cases) - 20, "both verdicts are put to the test"
    assert wrong(workspace, "sample", cases) == []


def test_zod_agrees_with_json_schema_on_what_was_really_said(workspace: Workspace) -> None:
    cases = list(recorded(real_bundle()))
    assert {verdict for *_, verdict in cases} == {"valid", "invalid"}, "both verdicts are put to the test"
    assert wrong(workspace, "real", cases) == []


def test_zod_checks_what_jsonschema_does_not(workspace: Workspace) -> None:
    """Formats, and the end of a pattern: to Python's `re`, though not to Pydantic, `$` is before a last newline too."""
    started = {"schemaHash": "a" * 64, "capabilities": {}}
    cases: list[Case] = [
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
    assert wrong(workspace, "sample", cases) == []


def test_the_tables_of_the_contract_lead_to_its_schemas(workspace: Workspace) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    cases: list[Case] = [
        (["methods", "chat/complete", "params"], {"messages": messages, "stream": False}, "valid"),
        (["methods", "chat/complete", "params"], {"messages": messages, "streaming": False}, "invalid"),
        (["methods", "chat/complete", "params"], {"messages": "Hello"}, "invalid"),
        (["methods", "ping", "params"], {"_meta": {"timeoutMs": 1000}}, "valid"),
        (["methods", "ping", "params"], {"_meta": {"timeoutMs": 0}}, "invalid"),
        (["notifications", "stream/token"], TOKEN, "valid"),
        (["notifications", "stream/token"], {**TOKEN, "later": "ignored"}, "valid"),
        (["notifications", "stream/token"], {**TOKEN, "token": None}, "invalid"),
        (["notifications", "$/cancelRequest"], {"id": 7}, "valid"),
        (["notifications", "$/cancelRequest"], {}, "invalid"),
    ]
    assert wrong(workspace, "real", cases) == []


def test_the_tables_have_every_name_in_its_direction(workspace: Workspace) -> None:
    """Nothing in a contract is null: a schema says so, and where there is none the script fails."""
    for tree, contract in (("real", real_bundle()), ("sample", EVERY_SHAPE)):
        calls = [
            said(contract, "methods", name, part, None) for name in contract["methods"] for part in ("params", "result")
        ]
        events = [said(contract, "notifications", name, "params", None) for name in contract["notifications"]]
        assert {verdict for *_, verdict in calls + events} == {"invalid"}
        assert wrong(workspace, tree, calls + events) == []


def test_the_requests_of_the_service_have_a_table_of_their_own(workspace: Workspace) -> None:
    path = ["hostMethods", "approval/request"]
    cases: list[Case] = [
        ([*path, "params"], {"tool": "t", "arguments": {}}, "valid"),
        ([*path, "params"], {"tool": "t"}, "invalid"),
        ([*path, "result"], {"decision": "approved"}, "valid"),
        ([*path, "result"], {"decision": "perhaps"}, "invalid"),
    ]
    assert wrong(workspace, "sample", cases) == []
