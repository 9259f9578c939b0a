"""`entity/generate` with `save`: both files or none, whatever happens in between."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generation import FILES, IDS, PROMPT, RIGHT, TYPES, assert_valid, contents, generate, saying, write
from tests.providers.adapters import ADAPTERS, Adapter, each_adapter
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

OPENAI = ADAPTERS[0]
FEATURE = "contexts/features/FEAT-001-sign-in.yaml"
BACK_LINKS = {"userstory": "userStories", "spec": "specs", "task": "tasks"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "repository")


def holding(then: Script) -> Script:
    """A script that waits before it answers."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.hold()
        await then(request, reply)

    return script


@pytest.mark.parametrize("entity_type", TYPES)
def test_it_is_written_with_the_link_back(sidecar: Sidecar, serve: Serve, root: Path, entity_type: str) -> None:
    before = contents(root)
    server = serve(saying(OPENAI, RIGHT[entity_type]))
    result = generate(sidecar, OPENAI, server, root, entity_type, save=True)
    assert_valid(result, entity_type)
    after = contents(root)
    assert after[result["path"]].decode() == result["yaml"]
    assert (result["saved"]["created"], result["saved"]["path"]) == (True, result["path"])
    changed = {path for path in before if after[path] != before[path]}
    if entity_type in BACK_LINKS:
        assert changed == {FEATURE} or (entity_type == "userstory" and FEATURE in changed)
        feature = yaml.safe_load(after[FEATURE])
        assert IDS[entity_type] in feature[BACK_LINKS[entity_type]]
        assert b"# Everything about signing in." in after[FEATURE]
        assert b'title: "Sign in" # short on purpose' in after[FEATURE]
    assert set(after) - set(before) == {result["path"]}
    report = sidecar.call("repository/validate", {"repoPath": str(root)})
    assert [found for found in report["errors"] if found.get("entityId") == IDS[entity_type]] == []


def test_what_was_saved_is_told_in_order(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    server = serve(saying(OPENAI, RIGHT["feature"]))
    asked = {"entityType": "feature", "userPrompt": PROMPT, "repoPath": str(root), "save": True}
    sidecar.call("entity/generate", {**asked, "config": OPENAI.config(server.url)}, "saved in order")
    notes = sidecar.notifications("saved in order")
    assert [note["params"]["phase"] for note in notes if "phase" in note["params"]] == ["context", "saving"]
    assert [note["params"]["seq"] for note in notes] == list(range(len(notes)))
    asked["stream"] = False
    assert "entity" in sidecar.call("entity/generate", {**asked, "config": {"provider": "offline"}}, "silent")
    assert sidecar.notifications("silent") == []


def test_an_id_that_is_taken_meanwhile_is_given_anew(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    server = serve(holding(saying(OPENAI, RIGHT["task"])))
    asked = {"entityType": "task", "userPrompt": PROMPT, "repoPath": str(root), "linkedFeatureId": "FEAT-001"}
    sidecar.request("taken", "entity/generate", {**asked, "config": OPENAI.config(server.url), "save": True})
    server.request(0)
    write(root, {"contexts/tasks/T-008-mine.yaml": "id: T-008\ntitle: Mine\nstatus: todo\n"})
    server.release()
    result = sidecar.response("taken")["result"]
    assert_valid(result, "task")
    assert result["entity"]["id"] == "T-009"
    assert (root / result["path"]).read_text(encoding="utf-8") == result["yaml"]
    assert "T-009" in result["path"]
    assert yaml.safe_load((root / FEATURE).read_text(encoding="utf-8"))["tasks"] == ["T-009"]
    assert (root / "contexts/tasks/T-008-mine.yaml").read_text(encoding="utf-8").startswith("id: T-008\ntitle: Mine")


def test_two_at_once_get_two_ids(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    servers = [serve(holding(saying(OPENAI, RIGHT["task"]))) for _ in range(3)]
    asked = {"entityType": "task", "userPrompt": PROMPT, "repoPath": str(root), "linkedFeatureId": "FEAT-001"}
    for place, server in enumerate(servers):
        sidecar.request(f"of {place}", "entity/generate", {**asked, "config": OPENAI.config(server.url), "save": True})
        server.request(0)
    for server in servers:
        server.release()
    ids = sorted(sidecar.response(f"of {place}")["result"]["entity"]["id"] for place in range(3))
    assert ids == ["T-008", "T-009", "T-010"]
    assert sorted(yaml.safe_load((root / FEATURE).read_text(encoding="utf-8"))["tasks"]) == ids


def test_a_feature_that_goes_meanwhile_takes_the_task_with_it(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    server = serve(holding(saying(OPENAI, RIGHT["task"])))
    asked = {"entityType": "task", "userPrompt": PROMPT, "repoPath": str(root), "linkedFeatureId": "FEAT-001"}
    sidecar.request("gone", "entity/generate", {**asked, "config": OPENAI.config(server.url), "save": True})
    server.request(0)
    (root / FEATURE).unlink()
    before = contents(root)
    server.release()
    assert sidecar.response("gone")["error"]["data"]["kind"] in ("invalidEntity", "entityNotFound", "conflict")
    assert contents(root) == before


@each_adapter
@pytest.mark.parametrize("how", ["cancel", "deadline", "error"])
def test_what_ends_early_leaves_nothing(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, how: str) -> None:
    before = contents(root)
    broken = adapter.streaming(adapter.speech.begin, adapter.speech.unfinished('{"id": '), adapter.speech.breaks)
    server = serve(broken if how == "error" else adapter.pausing('{"id": '))
    request_id = f"{how} {adapter}"
    asked: dict[str, Any] = {"entityType": "feature", "userPrompt": PROMPT, "repoPath": str(root), "save": True}
    asked["config"] = adapter.config(server.url)
    if how == "deadline":
        asked["_meta"] = {"timeoutMs": 400}
    sidecar.request(request_id, "entity/generate", asked)
    server.request(0)
    if how == "cancel":
        sidecar.wait_until(lambda: sidecar.notifications(request_id, "stream/token"))
        sidecar.notify("$/cancelRequest", {"id": request_id})
    data = sidecar.response(request_id)["error"]["data"]
    assert data["kind"] in {"cancel": ["cancelled"], "deadline": ["deadlineExceeded"]}.get(how, [data["kind"]])
    assert data["kind"] != "internal"
    assert contents(root) == before
    assert len(before) == len(FILES)


def test_what_is_not_valid_is_not_written(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    before = contents(root)
    server = serve(saying(OPENAI, {**RIGHT["task"], "status": "later"}))
    error = generate(sidecar, OPENAI, server, root, "task", save=True)
    assert error["data"]["kind"] == "invalidOutput"
    assert [detail["path"] for detail in error["data"]["errors"]] == ["status"]
    assert contents(root) == before


def test_a_back_link_that_cannot_be_written_leaves_nothing(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    server = serve(holding(saying(OPENAI, RIGHT["task"])))
    asked = {"entityType": "task", "userPrompt": PROMPT, "repoPath": str(root), "linkedFeatureId": "FEAT-001"}
    sidecar.request("broken", "entity/generate", {**asked, "config": OPENAI.config(server.url), "save": True})
    server.request(0)
    (root / FEATURE).write_text("id: FEAT-001\ntitle: [", encoding="utf-8")
    before = contents(root)
    server.release()
    response = sidecar.response("broken")
    assert response["error"]["data"]["kind"] == "invalidEntity"
    assert contents(root) == before
    assert (root / FEATURE).read_bytes() == before[FEATURE]
