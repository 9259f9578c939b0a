"""`entity/list`, `entity/get` and `entity/nextId`; ids and paths for what is new."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ckservice.context.catalog import id_for, slug, suggested_path
from ckservice.context.repository import Repository
from ckservice.context.snapshot import Snapshot, nowhere
from ckservice.context.types import EntityType
from tests.sidecar import Sidecar


def put(root: Path, path: str, text: str) -> None:
    file = root / "contexts" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in (1, 2, 10, 999, 1000):
        put(tmp_path, f"features/FEAT-{number:03}.yaml", f"id: FEAT-{number:03}\ntitle: Number {number}\n")
    put(tmp_path, "services/svc-git.yaml", "id: svc-git\nname: Git\nstatus: live\n")
    put(tmp_path, "userstories/US-001-a.yaml", "id: US-001\niWant: >-\n  to rest\n\n  and sleep\n")
    return tmp_path


def listed(sidecar: Sidecar, root: Path, **params: Any) -> list[str]:
    """The ids on all pages."""
    ids: list[str] = []
    while True:
        page = sidecar.call("entity/list", {"repoPath": str(root), **params})
        ids += [entity["id"] for entity in page["entities"]]
        if "nextCursor" not in page:
            return ids
        assert len(page["entities"]) == params["limit"]
        params["cursor"] = page["nextCursor"]


def next_id(sidecar: Sidecar, root: Path, entity_type: str = "feature") -> Any:
    return sidecar.call("entity/nextId", {"repoPath": str(root), "entityType": entity_type})["id"]


ALL = ["FEAT-001", "FEAT-002", "FEAT-010", "FEAT-999", "FEAT-1000", "US-001", "svc-git"]


def test_the_list_is_sorted_by_type_and_number(sidecar: Sidecar, root: Path) -> None:
    assert listed(sidecar, root) == ALL
    entities = sidecar.call("entity/list", {"repoPath": str(root)})["entities"]
    assert entities[5] == {
        "id": "US-001",
        "type": "userstory",
        "title": "to rest and sleep",
        "path": "contexts/userstories/US-001-a.yaml",
    }
    assert entities[6]["status"] == "live"


@pytest.mark.parametrize("limit", [1, 2, 6, 7, 1000])
def test_pages_come_to_the_whole(sidecar: Sidecar, root: Path, limit: int) -> None:
    assert listed(sidecar, root, limit=limit) == ALL


def test_nothing_is_missed_when_entities_come_and_go_between_pages(sidecar: Sidecar, root: Path) -> None:
    params = {"repoPath": str(root), "limit": 2}
    cursor = sidecar.call("entity/list", params)["nextCursor"]
    (root / "contexts/features/FEAT-002.yaml").unlink()
    put(root, "features/FEAT-000.yaml", "id: FEAT-000\n")
    rest = sidecar.call("entity/list", {**params, "cursor": cursor, "limit": 100})
    assert [entity["id"] for entity in rest["entities"]] == ALL[2:]


@pytest.mark.parametrize("cursor", ["", "x", "feature", "feature/", "planet/FEAT-001", "\u0000", "x" * 10_000])
def test_a_cursor_that_was_not_given_out_is_refused(sidecar: Sidecar, root: Path, cursor: str) -> None:
    error = sidecar.call("entity/list", {"repoPath": str(root), "cursor": cursor})
    assert error["data"]["kind"] == "invalidParams"
    assert [detail["path"] for detail in error["data"]["errors"]] == ["cursor"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("number 10", ["FEAT-010", "FEAT-1000"]),
        ("NUMBER feat-002", ["FEAT-002"]),
        ("services git", ["svc-git"]),
        ("git feature", []),
        ("  ", ALL),
        ("", ALL),
    ],
)
def test_a_query_finds_words_in_id_title_and_path(sidecar: Sidecar, root: Path, query: str, ids: Sequence[str]) -> None:
    assert listed(sidecar, root, query=query) == ids


def test_a_type_can_be_asked_for(sidecar: Sidecar, root: Path) -> None:
    assert listed(sidecar, root, entityType="userstory") == ["US-001"]
    assert listed(sidecar, root, entityType="task") == []


def test_get_gives_the_text_as_it_stands(sidecar: Sidecar, root: Path) -> None:
    text = "\ufeff# note\r\nid: T-001  # end\r\ntitle: 'a'\r\nmore: {x: [1, 1.5, yes, null]}"
    put(root, "tasks/T-001.yaml", text)
    got = sidecar.call("entity/get", {"repoPath": str(root), "entityId": "T-001"})
    assert got["yaml"] == text.removeprefix("\ufeff")
    assert got["entity"] == {"id": "T-001", "title": "a", "more": {"x": [1, 1.5, "yes", None]}}
    assert (got["type"], got["path"], len(got["hash"])) == ("task", "contexts/tasks/T-001.yaml", 64)


def test_get_of_what_is_not_there(sidecar: Sidecar, root: Path) -> None:
    error = sidecar.call("entity/get", {"repoPath": str(root), "entityId": "FEAT-404"})
    assert error["data"]["kind"] == "entityNotFound"


@pytest.mark.parametrize(
    ("path", "text", "free"),
    [
        ("features/x.yaml", "id: FEAT-7\n", "FEAT-1001"),
        ("features/x.yaml", "id: FEAT-1004\n", "FEAT-1005"),
        ("features/x.yaml", "id: feat-1004\n", "FEAT-1005"),
        ("features/FEAT-2000-other.yaml", "id: FEAT-003\n", "FEAT-2001"),
        ("features/FEAT-2000-broken.yaml", "id: [\n", "FEAT-2001"),
        ("features/broken.yaml", "id: FEAT-2000\nx: [\n", "FEAT-2001"),
        ("features/FEAT-2000-empty.yaml", "", "FEAT-2001"),
        ("tasks/T-001.yaml", "id: T-001\nrelated: {feature: FEAT-2000}\n", "FEAT-2001"),
        ("specs/SPEC-001.yaml", "id: SPEC-001\nrelated:\n  features: [FEAT-001, FEAT-2000]\n", "FEAT-2001"),
        ("features/x.yaml", "id: FEAT-99999999999999999999\n", "FEAT-1001"),
        ("features/x.yaml", f"id: FEAT-{'9' * 5000}\n", "FEAT-1001"),
        ("features/x.yaml", "id: 5\nspecs: {a: 1}\ntasks: [1, null, [T-001]]\n", "FEAT-1001"),
    ],
)
def test_the_next_id_is_one_above_every_use(sidecar: Sidecar, root: Path, path: str, text: str, free: str) -> None:
    assert next_id(sidecar, root) == "FEAT-1001"
    put(root, path, text)
    assert next_id(sidecar, root) == free


def test_the_first_id_has_three_digits(sidecar: Sidecar, tmp_path: Path) -> None:
    found = {
        entity_type: next_id(sidecar, tmp_path, entity_type)
        for entity_type in ("feature", "userstory", "spec", "task", "service", "package", "governance")
    }
    assert found == {
        "feature": "FEAT-001",
        "userstory": "US-001",
        "spec": "SPEC-001",
        "task": "T-001",
        "service": "svc-001",
        "package": "pkg-001",
        "governance": "CONST-001",
    }


def snapshot(root: Path) -> Snapshot:
    return Repository(root.resolve()).snapshot()


@pytest.mark.source
@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Write the manual", "write-the-manual"),
        ("  -- User's “Über” Straße: ½ & ﬁ/ø  --", "users-uber-strasse-1-2-fi-o"),
        ("İstanbul", "istanbul"),
        ("日本語", ""),
        ("日本語 login", "login"),
        ("../../etc/passwd", "etc-passwd"),
        ("a" * 80, "a" * 50),
        ("word " * 20, "word-" * 9 + "word"),
        ("\ud800 x", "x"),
        ("", ""),
    ],
)
def test_slugs(title: str, expected: str) -> None:
    assert slug(title) == expected


@pytest.mark.source
@pytest.mark.parametrize(
    ("entity_type", "title", "expected"),
    [
        ("feature", "Anything", "FEAT-1001"),
        ("service", "Payments", "svc-payments"),
        ("service", "Git", "svc-git-2"),
        ("service", "svc-payments", "svc-payments"),
        ("service", "日本語", "svc-001"),
        ("package", "@acme/desktop", "pkg-acme-desktop"),
        ("governance", "The rules", "CONST-THE-RULES"),
    ],
)
def test_ids_for_new_entities(root: Path, entity_type: EntityType, title: str, expected: str) -> None:
    assert id_for(snapshot(root), entity_type, title) == expected


@pytest.mark.source
@pytest.mark.parametrize(
    ("entity_type", "entity_id", "title", "expected"),
    [
        ("task", "T-007", "Write the manual", "contexts/tasks/T-007-write-the-manual.yaml"),
        ("task", "T-007", "con", "contexts/tasks/T-007-con.yaml"),
        ("task", "T-007", "日本語", "contexts/tasks/T-007.yaml"),
        ("service", "svc-git", "Git", "contexts/services/svc-git.yaml"),
        ("governance", "CON", "Rules", "contexts/governance/CONST-CON.yaml"),
        ("governance", "NUL.X", "Rules", "contexts/governance/CONST-NUL.X.yaml"),
        ("service", "../../x y", "Git", "contexts/services/x-y.yaml"),
        ("service", "日本", "Git", "contexts/services/svc-new.yaml"),
        ("service", "a.", "Git", "contexts/services/a.yaml"),
    ],
)
def test_paths_for_new_entities(entity_type: EntityType, entity_id: str, title: str, expected: str) -> None:
    assert suggested_path(entity_type, entity_id, title, nowhere()) == expected


@pytest.mark.source
def test_paths_follow_the_repository_s_own_folders(root: Path) -> None:
    (root / "contexts/userstories").rename(root / "contexts/user-stories")
    put(root, "mobile/tasks/deep/T-001.yaml", "id: T-001\n")
    put(root, "tasks/T-002.yaml", "id: T-002\n")
    put(root, "tasks/T-003.yaml", "id: T-003\n")
    found = snapshot(root)
    assert suggested_path("userstory", "US-002", "", found) == "contexts/user-stories/US-002.yaml"
    assert suggested_path("task", "T-004", "", found) == "contexts/tasks/T-004.yaml"
    assert suggested_path("spec", "SPEC-001", "", found) == "contexts/specs/SPEC-001.yaml"
    assert suggested_path("service", "SVC-git", "", found) == "contexts/services/SVC-git-2.yaml"
