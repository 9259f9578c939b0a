"""`entity/generate` with every adapter and every type: what is accepted is valid, what is not is told and refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.generation import (
    FILES,
    IDS,
    LINKS,
    RIGHT,
    TYPES,
    assert_valid,
    contents,
    generate,
    saying,
    with_link,
    write,
)
from tests.providers.adapters import ADAPTERS, Adapter, each_adapter, joined
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

each_type = pytest.mark.parametrize("entity_type", TYPES)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository that nothing here changes."""
    root = write(tmp_path_factory.mktemp("repository"))
    before = contents(root)
    yield root
    assert contents(root) == before
    assert len(before) == len(FILES)


@each_adapter
@each_type
def test_a_right_answer_is_accepted(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, entity_type: str
) -> None:
    server = serve(saying(adapter, RIGHT[entity_type]))
    result = generate(sidecar, adapter, server, root, entity_type)
    assert_valid(result, entity_type)
    assert result["entity"] == {**RIGHT[entity_type], "id": IDS[entity_type]}
    metadata = result["metadata"]
    assert (metadata["attempts"], metadata["provider"], len(server.requests)) == (1, adapter.provider, 1)
    assert metadata["promptTokens"] == adapter.speech.usage["promptTokens"]


@each_adapter
@each_type
def test_json_in_a_fence_or_in_prose_is_found(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, entity_type: str
) -> None:
    text = json.dumps(RIGHT[entity_type], indent=1)
    fenced, prose = f"```json\n{text}\n```", f"Here you are: {text} Enjoy!"
    assert_valid(generate(sidecar, adapter, serve(saying(adapter, fenced)), root, entity_type), entity_type)
    result = generate(sidecar, adapter, serve(saying(adapter, prose, text)), root, entity_type)
    assert_valid(result, entity_type)
    assert result["metadata"]["attempts"] == 2


@each_adapter
@each_type
def test_what_is_wrong_is_told_and_repaired(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, entity_type: str
) -> None:
    first = next(name for name in ("title", "iWant", "name") if name in RIGHT[entity_type])
    wrong = {name: value for name, value in RIGHT[entity_type].items() if name != first}
    server = serve(saying(adapter, {**wrong, "favouriteColour": "blue"}, RIGHT[entity_type]))
    result = generate(sidecar, adapter, server, root, entity_type)
    assert_valid(result, entity_type)
    assert (result["metadata"]["attempts"], len(server.requests)) == (2, 2)
    assert result["metadata"]["promptTokens"] == 2 * adapter.speech.usage["promptTokens"]
    told = server.requests[1].body.decode()
    assert "is a required property" in told
    assert "favouriteColour" in told


@each_adapter
@each_type
def test_what_stays_wrong_is_refused_after_as_many_repairs_as_are_allowed(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, entity_type: str
) -> None:
    repairs = TYPES.index(entity_type) % 2
    server = serve(saying(adapter, {"id": IDS[entity_type]}))
    error = generate(sidecar, adapter, server, root, entity_type, maxRepairs=repairs)
    assert (error["data"]["kind"], len(server.requests)) == ("invalidOutput", repairs + 1)
    assert error["data"]["errors"]
    assert error["data"]["candidate"] == {"id": IDS[entity_type]}


@each_adapter
def test_fields_are_not_invented(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    for entity_type in TYPES:
        server.script = saying(adapter, {**RIGHT[entity_type], "favouriteColour": "blue"})
        error = generate(sidecar, adapter, server, root, entity_type, maxRepairs=0)
        assert "favouriteColour" in error["data"]["errors"][0]["message"], entity_type


@each_adapter
def test_what_no_provider_enforces_is_checked_too(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    wrong = {**RIGHT["governance"], "ratifiedOn": "2025-02-30"}
    server = serve(saying(adapter, wrong, RIGHT["governance"]))
    result = generate(sidecar, adapter, server, root, "governance")
    assert_valid(result, "governance")
    assert result["metadata"]["attempts"] == 2
    assert "ratifiedOn" in server.requests[1].body.decode()


@each_adapter
def test_a_wrong_link_is_repaired(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    for entity_type, (field, of_a_wrong_type) in LINKS.items():
        for other in (of_a_wrong_type, "FEAT-404"):
            wrong = with_link(RIGHT[entity_type], field, other)
            server.script = saying(adapter, wrong, RIGHT[entity_type])
            result = generate(sidecar, adapter, server, root, entity_type)
            assert_valid(result, entity_type)
            assert result["metadata"]["attempts"] == 2, (entity_type, other)
            assert field.rpartition(".")[2] in server.requests[-1].body.decode()


@each_adapter
def test_a_wrong_id_never_gets_through(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    """Where ids are numbers the model is told; where they are names the model has no say."""
    server = serve(adapter.hello())
    for entity_type in TYPES:
        wrong = "SHOP-1" if entity_type == "governance" else "../../.git/hooks/FEAT-001"
        server.script = saying(adapter, {**RIGHT[entity_type], "id": wrong}, RIGHT[entity_type])
        result = generate(sidecar, adapter, server, root, entity_type)
        assert_valid(result, entity_type)
        assert result["entity"]["id"] == IDS[entity_type]
        is_numbered = entity_type in ("feature", "userstory", "spec", "task")
        assert result["metadata"]["attempts"] == (2 if is_numbered else 1)


@each_adapter
def test_an_answer_that_is_cut_short_is_not_repaired(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter
) -> None:
    server = serve(adapter.hello())
    for asked, entity_type in enumerate(TYPES, 1):
        server.script = saying(adapter, RIGHT[entity_type], end="length")
        error = generate(sidecar, adapter, server, root, entity_type)
        assert (error["data"]["kind"], len(server.requests)) == ("invalidOutput", asked)
        assert "maxTokens" in error["data"]["userMessage"]


@pytest.mark.parametrize("adapter", [adapter for adapter in ADAPTERS if adapter.speech.refuses is not None], ids=str)
def test_a_refusal_is_one(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    for asked, entity_type in enumerate(TYPES, 1):
        server.script = saying(adapter, RIGHT[entity_type], end="contentFilter")
        error = generate(sidecar, adapter, server, root, entity_type)
        assert (error["data"]["kind"], len(server.requests)) == ("contentFiltered", asked)


@each_adapter
@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        "null",
        '"FEAT-002"',
        "{" * 5000,
        '{"id": ' * 150 + "1" + "}" * 150,
        {**RIGHT["feature"], "title": ["../../etc"]},
        {**RIGHT["feature"], "acceptance": {"a": 1}},
        {**RIGHT["feature"], "prompts": {"instructions": [[[["deep"]]]]}},
        {**RIGHT["feature"], "requires": ["svc-auth\n- FEAT-001"]},
    ],
    ids=range(9),
)
def test_hostile_answers_are_refused(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, answer: Any) -> None:
    error = generate(sidecar, adapter, serve(saying(adapter, answer)), root, "feature", maxRepairs=0)
    assert error["data"]["kind"] == "invalidOutput"


@each_adapter
def test_hostile_texts_stay_texts(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    title = "../../../.git/config\n\u2028id: FEAT-001 # {{x}} !!python/object:os.system" + "x" * 20_000
    answer = {**RIGHT["feature"], "title": title, "acceptance": ["--- ", "'\"", "no", "1e3", "&a *a", "\u0085", "\t"]}
    result = generate(sidecar, adapter, serve(saying(adapter, answer)), root, "feature")
    assert_valid(result, "feature")
    assert result["entity"] == answer
    assert len(result["path"]) < 120


@each_adapter
def test_what_happens_is_told_in_order(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    server = serve(saying(adapter, {}, RIGHT["task"]))
    request_id = f"order {adapter}"
    asked = {
        "entityType": "task",
        "userPrompt": "Store the keys.",
        "repoPath": str(root),
        "linkedFeatureId": "FEAT-001",
    }
    result = sidecar.call("entity/generate", {**asked, "config": adapter.config(server.url)}, request_id)
    assert_valid(result, "task")
    told = [(note["method"], note["params"].get("phase")) for note in sidecar.notifications(request_id)]
    order = [item for place, item in enumerate(told) if place == 0 or told[place - 1] != item]
    assert order == [
        ("stream/progress", "context"),
        ("stream/token", None),
        ("stream/progress", "repair"),
        ("stream/token", None),
        ("stream/usage", None),
    ]
    assert joined(sidecar, request_id).startswith("{}{")


@each_adapter
def test_empty_optional_fields_are_left_out(sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter) -> None:
    answer = {"soThat": "", "iWant": "x", "asA": "y", "feature": "FEAT-001", "id": "US-002", "acceptanceCriteria": []}
    result = generate(
        sidecar, adapter, serve(saying(adapter, {**answer, "impacts": {"services": []}})), root, "userstory"
    )
    assert result["yaml"] == 'id: US-002\nfeature: FEAT-001\nasA: "y"\niWant: x\nsoThat: ""\n'
