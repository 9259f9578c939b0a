"""A new entity and the links back to it: one change of several files."""

from pathlib import Path
from typing import Any

import pytest

from ckservice.context.repository import Repository
from ckservice.context.saving import Saved, save_new
from ckservice.context.types import EntityType
from ckservice.errors import InvalidEntity
from tests.saving import FEATURE, FEATURE_PATH, TASK, TASK_PATH, files, sample, sha256, write

pytestmark = pytest.mark.source

STORY = {"id": "US-001", "feature": "FEAT-001", "asA": "guest", "iWant": "to sign in", "soThat": "I am in"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sample(tmp_path)


def add(root: Path, entity: dict[str, Any], entity_type: EntityType) -> tuple[Saved, dict[str, Any]]:
    return save_new(Repository(root), entity, entity_type)


def changed(root: Path, before: dict[str, bytes]) -> set[str]:
    return {path for path, data in files(root).items() if before.get(path) != data}


def test_the_feature_of_a_story_names_it(root: Path) -> None:
    before = files(root)
    saved, written = add(root, STORY, "userstory")
    path = "contexts/userstories/US-001-to-sign-in.yaml"
    assert written == STORY
    assert (saved.path, saved.created, saved.hash) == (path, True, sha256((root / path).read_bytes()))
    assert (root / FEATURE_PATH).read_text().startswith(FEATURE + "userStories:")
    assert Repository(root).snapshot().get("FEAT-001").data["userStories"] == ["US-001"]
    assert changed(root, before) == {path, FEATURE_PATH}
    assert [line for line in saved.diff.splitlines() if line.startswith(("---", "+++"))] == [
        "--- /dev/null",
        f"+++ b/{path}",
        f"--- a/{FEATURE_PATH}",
        f"+++ b/{FEATURE_PATH}",
    ]


def test_a_flow_list_and_its_comment_stay(root: Path) -> None:
    write(root, {FEATURE_PATH: FEATURE.replace("tasks: [ T-001 ]", "tasks: [ T-001 ]  # in order")})
    add(root, {"id": "T-002", "title": "X", "status": "todo", "related": {"feature": "FEAT-001"}}, "task")
    text = (root / FEATURE_PATH).read_text()
    assert text == FEATURE.replace("tasks: [ T-001 ]", "tasks: [ T-001, T-002 ]  # in order")


def test_each_of_several_features_names_a_spec(root: Path) -> None:
    both = "id: FEAT-002\ntitle: B\nstatus: done\n---\nid: FEAT-003\ntitle: C\nstatus: done\nspecs: SPEC-007\n"
    write(root, {"contexts/features/both.yaml": both})
    spec = {
        "id": "SPEC-001",
        "title": "X",
        "related": {"features": ["FEAT-001", "FEAT-002", "FEAT-003"], "services": ["svc-web"]},
    }
    before = files(root)
    add(root, spec, "spec")
    entities = Repository(root).snapshot().entities
    assert entities["FEAT-001"].data["specs"] == ["SPEC-001"]
    assert entities["FEAT-002"].data["specs"] == ["SPEC-001"]
    assert entities["FEAT-003"].data["specs"] == ["SPEC-007", "SPEC-001"]
    assert changed(root, before) == {FEATURE_PATH, "contexts/features/both.yaml", "contexts/specs/SPEC-001-x.yaml"}


def test_a_service_names_the_package_that_uses_it(root: Path) -> None:
    package = {"id": "pkg-app", "name": "App", "version": "1.0.0", "type": "npm", "uses": {"services": ["svc-web"]}}
    add(root, package, "package")
    assert Repository(root).snapshot().get("svc-web").data["consumers"] == ["pkg-app"]
    service = {
        "id": "svc-api",
        "name": "API",
        "type": "backend",
        "dependencies": ["svc-web@^1"],
        "consumers": ["pkg-app", "svc-web"],
    }
    add(root, service, "service")
    entities = Repository(root).snapshot().entities
    assert entities["pkg-app"].data["uses"] == {"services": ["svc-web", "svc-api"]}
    assert entities["svc-web"].data["consumers"] == ["pkg-app"]


def test_a_field_for_one_id_that_has_one_keeps_it(root: Path) -> None:
    write(root, {"contexts/tasks/T-002.yaml": "id: T-002\ntitle: Free # yet\nstatus: todo\n"})
    feature = {"id": "FEAT-002", "title": "Sign out", "status": "proposed", "tasks": ["T-001", "T-002"]}
    add(root, feature, "feature")
    assert (root / TASK_PATH).read_text() == TASK
    text = (root / "contexts/tasks/T-002.yaml").read_text()
    assert text == "id: T-002\ntitle: Free # yet\nstatus: todo\nrelated:\n  feature: FEAT-002\n"


def test_a_taken_id_is_given_anew(root: Path) -> None:
    write(root, {"contexts/userstories/US-002.yaml": "id: US-002\ntitle: [broken\n"})
    write(root, {"contexts/userstories/US-001-a.yaml": "id: US-001\n"})
    for entity_id in ("US-001", "US-002", "US-003"):
        Path(root, "contexts/userstories/US-003-to-sign-in.yaml").unlink(missing_ok=True)
        write(root, {FEATURE_PATH: FEATURE})
        saved, written = add(root, {**STORY, "id": entity_id}, "userstory")
        assert written == {**STORY, "id": "US-003"}
        assert list(written) == list(STORY)
        assert saved.path == "contexts/userstories/US-003-to-sign-in.yaml"
        assert Repository(root).snapshot().get("FEAT-001").data["userStories"] == ["US-003"]
    _, written = add(root, {name: value for name, value in STORY.items() if name != "id"}, "userstory")
    assert next(iter(written.items())) == ("id", "US-004")
    _, written = add(root, {"id": "svc-web", "name": "Web", "type": "backend"}, "service")
    assert written["id"] == "svc-web-2"


@pytest.mark.parametrize("wrong", [{"feature": "FEAT-404"}, {"asA": 5}])
def test_nothing_is_written_if_it_is_not_valid(root: Path, wrong: dict[str, Any]) -> None:
    before = files(root)
    with pytest.raises(InvalidEntity):
        add(root, {**STORY, **wrong}, "userstory")
    assert files(root) == before


def test_nothing_is_written_if_a_link_back_can_t_be(root: Path) -> None:
    write(root, {FEATURE_PATH: FEATURE.encode().replace(b"since May", b"seit M\xe4rz")})
    before = files(root)
    with pytest.raises(InvalidEntity, match="UTF-8"):
        add(root, STORY, "userstory")
    assert files(root) == before


def test_what_is_no_list_of_ids_is_left_alone(root: Path) -> None:
    write(root, {FEATURE_PATH: FEATURE + "userStories: {odd: shape}\n"})
    add(root, STORY, "userstory")
    assert (root / FEATURE_PATH).read_text() == FEATURE + "userStories: {odd: shape}\n"
