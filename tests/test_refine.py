"""`entity/refine`: what the instruction is about changes, and nothing else, whatever the model leaves out."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generation import FILES, assert_valid, contents, saying, write
from tests.providers.adapters import ADAPTERS, Adapter, each_adapter
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

OPENAI = ADAPTERS[0]
PATH = "contexts/features/FEAT-001-sign-in.yaml"
FEATURE = yaml.safe_load(FILES[PATH])
SECRET = "ghp_" + "a1b2c3d4e5" * 3
DONE = {**FEATURE, "status": "done"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "repository")


def refine(sidecar: Sidecar, server: Server, root: Path, adapter: Adapter = OPENAI, **params: Any) -> Any:
    """The result of changing the feature, or the error."""
    what = {} if {"entity", "entityId"} & params.keys() else {"entityId": "FEAT-001"}
    asked = {"instruction": "It is done.", "repoPath": str(root), "config": adapter.config(server.url), **what}
    return sidecar.call("entity/refine", {**asked, **params})


def changed_lines(diff: str) -> list[str]:
    return [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def known(entity: dict[str, Any]) -> dict[str, Any]:
    """Without what the schema does not know."""
    return {name: value for name, value in entity.items() if name != "linkedUserStories"}


@each_adapter
@pytest.mark.parametrize("answer", [DONE, known(DONE)], ids=["whole", "without unknown keys"])
def test_only_what_was_asked_changes(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, answer: dict[str, Any]
) -> None:
    server = serve(saying(adapter, answer))
    result = refine(sidecar, server, root, adapter, save=True)
    assert_valid(result, "feature")
    assert result["entity"] == DONE
    assert result["yaml"] == FILES[PATH].replace("status: in-progress", "status: done")
    assert changed_lines(result["diff"]) == ["-status: in-progress", "+status: done"]
    assert (root / PATH).read_text(encoding="utf-8") == result["yaml"]
    assert (result["path"], result["saved"]["created"]) == (PATH, False)
    told = server.requests[0].body.decode()
    assert "linkedUserStories" in told
    assert "no instructions" in told


@each_adapter
def test_unknown_keys_may_be_changed_too(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    linked = [{"id": "US-001", "status": "done"}]
    server = serve(saying(adapter, {**FEATURE, "linkedUserStories": linked}))
    result = refine(sidecar, server, root, adapter, instruction="US-001 is done.")
    assert result["entity"] == {**FEATURE, "linkedUserStories": linked}
    assert changed_lines(result["diff"]) == ['-  status: "proposed"', '+  status: "done"']


def test_unknown_keys_go_if_the_instruction_names_them(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    server = serve(saying(OPENAI, known(FEATURE)))
    result = refine(sidecar, server, root, instruction="Remove linkedUserStories.")
    assert result["entity"] == known(FEATURE)


@each_adapter
@pytest.mark.parametrize(
    "wrong",
    [{**DONE, "id": "FEAT-002"}, {**DONE, "mood": "good"}, {**DONE, "status": "ready"}, {**DONE, "requires": ["x"]}],
    ids=["id", "new key", "schema", "link"],
)
def test_what_is_wrong_is_repaired(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, wrong: dict[str, Any]
) -> None:
    server = serve(saying(adapter, wrong, DONE))
    result = refine(sidecar, server, root, adapter)
    assert_valid(result, "feature")
    assert (result["entity"], result["metadata"]["attempts"], len(server.requests)) == (DONE, 2, 2)
    assert (root / PATH).read_text(encoding="utf-8") == FILES[PATH]


@each_adapter
def test_what_stays_wrong_changes_nothing(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    server = serve(saying(adapter, {**DONE, "status": "ready"}))
    before = contents(root)
    error = refine(sidecar, server, root, adapter, save=True, maxRepairs=1)
    assert (error["data"]["kind"], len(server.requests)) == ("invalidOutput", 2)
    assert [detail["path"] for detail in error["data"]["errors"]] == ["status"]
    assert contents(root) == before


def test_an_entity_that_is_not_valid_becomes_so(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    text = "id: US-001 # ours\nfeature: FEAT-404\nasA: customer\niWant: [a, b]\nnote: 7\n"
    write(root, {"contexts/userstories/US-001-password.yaml": text})
    story = {"id": "US-001", "feature": "FEAT-001", "asA": "customer", "iWant": "a", "soThat": "b"}
    server = serve(saying(OPENAI, {**story, "feature": "FEAT-404"}, story))
    result = refine(sidecar, server, root, entityId="US-001", instruction="Make it right.", save=True)
    assert_valid(result, "userstory")
    assert result["entity"] == {**story, "note": 7}
    assert result["yaml"].startswith("id: US-001 # ours\n")


def test_an_id_that_can_never_be_valid_is_told_at_once(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    write(root, {"contexts/tasks/T-9.yaml": "id: T-9\ntitle: x\nstatus: todo\n"})
    server = serve(saying(OPENAI, {}))
    error = refine(sidecar, server, root, entityId="T-9")
    assert (error["data"]["kind"], server.requests) == ("invalidEntity", [])
    assert refine(sidecar, server, root, entityId="T-404")["data"]["kind"] == "entityNotFound"


@each_adapter
def test_a_file_that_changes_meanwhile_is_left_alone(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter
) -> None:
    then = saying(adapter, DONE)

    async def script(request: Request, reply: Reply) -> None:
        await reply.hold()
        await then(request, reply)

    server, request_id = serve(script), f"conflict {adapter}"
    asked = {"entityId": "FEAT-001", "instruction": "Done.", "repoPath": str(root), "save": True}
    sidecar.request(request_id, "entity/refine", {**asked, "config": adapter.config(server.url)})
    server.request(0)
    mine = FILES[PATH].replace("Sign in", "Sign in, quickly")
    write(root, {PATH: mine})
    server.release()
    assert sidecar.response(request_id)["error"]["data"]["kind"] == "conflict"
    assert (root / PATH).read_text(encoding="utf-8") == mine


@each_adapter
def test_secrets_stay_where_they_are(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    write(root, {PATH: f"{FILES[PATH]}ci:\n  apiKey: plain-words-here\n  log: see {SECRET} there\n"})

    async def script(request: Request, reply: Reply) -> None:
        text = next(text for text in strings(request.json) if "```json" in text)
        shown = json.loads(text.split("```json\n")[1].split("\n```")[0])
        await saying(adapter, {**shown, "status": "done"})(request, reply)

    server = serve(script)
    result = refine(sidecar, server, root, adapter)
    assert result["entity"]["ci"] == {"apiKey": "plain-words-here", "log": f"see {SECRET} there"}
    assert changed_lines(result["diff"]) == ["-status: in-progress", "+status: done"]
    assert SECRET.encode() not in server.requests[0].body
    assert b"plain-words-here" not in server.requests[0].body


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


def test_what_stands_for_a_secret_is_no_text(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    write(root, {PATH: f"{FILES[PATH]}log: see {SECRET} there\n"})
    server = serve(saying(OPENAI, {**DONE, "log": "look at [redacted 1]!"}))
    error = refine(sidecar, server, root, maxRepairs=0)
    assert error["data"]["kind"] == "invalidOutput"
    assert "redacted" in error["data"]["errors"][0]["message"]


def test_an_entity_that_is_not_saved_can_be_changed(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    given = {"id": "T-020", "title": "Store keys", "status": "todo", "mine": [1, 2], "owner": ""}
    wanted = {**given, "title": "Store public keys"}
    server = serve(saying(OPENAI, wanted))
    result = refine(sidecar, server, root, entity=given, save=True)
    assert_valid(result, "task")
    assert result["entity"] == wanted
    assert changed_lines(result["diff"]) == ["-title: Store keys", "+title: Store public keys"]
    assert (root / result["path"]).read_text(encoding="utf-8") == result["yaml"]
    assert result["saved"]["created"] is True


def test_an_entity_without_a_repository(sidecar: Sidecar, serve: Serve) -> None:
    given = {"id": "T-020", "title": "Store keys", "status": "todo", "related": {"feature": "FEAT-009"}}
    server = serve(saying(OPENAI, {**given, "related": {"feature": "FEAT-010"}}, {**given, "status": "done"}))
    asked = {"entity": given, "instruction": "Done.", "config": OPENAI.config(server.url)}
    result = sidecar.call("entity/refine", asked)
    assert (result["entity"], result["metadata"]["attempts"]) == ({**given, "status": "done"}, 2)
    error = sidecar.call("entity/refine", {**asked, "entity": {"title": "x"}})
    assert [detail["path"] for detail in error["data"]["errors"]] == ["entityType"]


@each_adapter
def test_the_checksum_of_a_constitution_follows(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    path = "contexts/governance/constitution.yaml"
    write(root, {path: f"checksum: {'a' * 64}\n{FILES[path]}"})
    answer = {**yaml.safe_load(FILES[path]), "summary": "Rules of the shop."}
    server = serve(saying(adapter, answer))
    result = refine(sidecar, server, root, adapter, entityId="CONST-SHOP", instruction="Add a summary.", save=True)
    assert_valid(result, "governance")
    assert (root / path).read_text(encoding="utf-8") == result["yaml"]
    found = sidecar.call("repository/validate", {"repoPath": str(root)})["errors"]
    assert [finding for finding in found if "checksum" in finding["message"]] == []
    assert result["entity"]["checksum"] != "a" * 64
    assert "checksum" not in json.dumps(adapter.speech.asked_form(server.requests[0].json))


def test_lists_that_were_empty_stay(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    service = {"id": "svc-auth", "name": "Sign-in", "type": "backend"}
    for answer in (service, {**service, "dependencies": []}):
        server = serve(saying(OPENAI, answer))
        result = refine(sidecar, server, root, entityId="svc-auth", instruction="Call it Sign-in.")
        assert result["entity"] == {**service, "dependencies": []}
        assert changed_lines(result["diff"])[:2] == ["-name: Authentication", "+name: Sign-in"]


def test_nothing_to_change_is_no_change(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    server = serve(saying(OPENAI, FEATURE))
    result = refine(sidecar, server, root, save=True)
    assert (result["diff"], result["yaml"], result["saved"]["diff"]) == ("", FILES[PATH], "")
