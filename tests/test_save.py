"""entity/save: what is written, what is refused, and what comes back."""

import subprocess
from pathlib import Path

import pytest

from tests.saving import (
    FEATURE,
    FEATURE_DATA,
    FEATURE_PATH,
    SERVICE,
    SERVICE_PATH,
    TASK,
    TASK_PATH,
    files,
    refusal,
    sample,
    save,
    sha256,
    write,
)
from tests.sidecar import Sidecar

TASK_DATA = {"id": "T-001", "title": "Form", "status": "todo", "related": {"feature": "FEAT-001"}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sample(tmp_path)


def text(root: Path, path: str = FEATURE_PATH) -> str:
    return (root / path).read_bytes().decode()


# Entities that are there


def test_a_change_touches_only_its_own_line(sidecar: Sidecar, root: Path) -> None:
    before = files(root)
    saved = save(sidecar, root, {**FEATURE_DATA, "status": "done"}, expectedHash=sha256(FEATURE))
    wanted = FEATURE.replace("status: proposed", "status: done")
    assert files(root) == {**before, FEATURE_PATH: wanted.encode()}
    assert saved == {
        "path": FEATURE_PATH,
        "created": False,
        "hash": sha256(wanted),
        "diff": f"--- a/{FEATURE_PATH}\n+++ b/{FEATURE_PATH}\n@@ -1,7 +1,7 @@\n # The first one that anybody sees.\n id:   FEAT-001\n"
        " title: \"Sign in\"   # on the button\n-status: proposed\n+status: done\n \n owners:\n - '@ann'   # since May\n",
    }
    assert sidecar.call("entity/get", {"repoPath": str(root), "entityId": "FEAT-001"})["hash"] == saved["hash"]


def test_a_key_that_is_left_out_is_removed(sidecar: Sidecar, root: Path) -> None:
    save(sidecar, root, {name: value for name, value in FEATURE_DATA.items() if name != "x-note"})
    assert text(root) == FEATURE.replace("x-note: |\n  two\n  lines\n", "")


def test_nothing_is_written_where_nothing_changes(sidecar: Sidecar, root: Path) -> None:
    before = (root / FEATURE_PATH).stat()
    for entity in (FEATURE_DATA, FEATURE):
        saved = save(sidecar, root, entity)
        assert saved == {"path": FEATURE_PATH, "created": False, "hash": sha256(FEATURE), "diff": ""}
    after = (root / FEATURE_PATH).stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_yaml_is_written_as_it_is_given(sidecar: Sidecar, root: Path) -> None:
    given = "# new\r\nstatus:    done\r\nid: FEAT-001\r\ntitle: 'Sign in'"
    saved = save(sidecar, root, given)
    assert (root / FEATURE_PATH).read_bytes() == given.encode()
    assert saved["hash"] == sha256(given)


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(sidecar: Sidecar, root: Path) -> None:
    before = files(root)
    for entity in ({**FEATURE_DATA, "title": "Log in"}, {"id": "FEAT-002", "title": "New", "status": "done"}):
        planned = save(sidecar, root, entity, dryRun=True)
        assert files(root) == before
        assert save(sidecar, root, entity) == planned
        assert planned["diff"]
        before = files(root)


@pytest.mark.parametrize("entity", [{**FEATURE_DATA, "title": "Log in"}, FEATURE.replace("Sign", "Log")])
def test_what_has_changed_since_it_was_read_is_not_overwritten(
    sidecar: Sidecar, root: Path, entity: dict[str, object] | str
) -> None:
    (root / FEATURE_PATH).write_text(FEATURE + "# theirs\n")
    kind, message = refusal(sidecar, root, entity, expectedHash=sha256(FEATURE))
    assert (kind, message) == ("conflict", f"{FEATURE_PATH} has changed since it was read.")
    assert refusal(sidecar, root, entity, expectedHash=sha256(FEATURE), dryRun=True)[0] == "conflict"
    assert "diff" in save(sidecar, root, entity, expectedHash=sha256(FEATURE + "# theirs\n"))


def test_what_has_gone_since_it_was_read_is_not_made_anew(sidecar: Sidecar, root: Path) -> None:
    (root / SERVICE_PATH).unlink()
    kind, message = refusal(sidecar, root, SERVICE, expectedHash=sha256(SERVICE))
    assert (kind, message) == ("conflict", "svc-web is not in the repository, or not any more.")


def test_saving_does_not_move(sidecar: Sidecar, root: Path) -> None:
    kind, message = refusal(sidecar, root, FEATURE_DATA, path="contexts/features/other.yaml")
    assert (kind, message) == (
        "conflict",
        f"FEAT-001 stands in {FEATURE_PATH}; saving does not move it to another file.",
    )
    for same in (FEATURE_PATH, f"./{FEATURE_PATH}", FEATURE_PATH.replace("/", "//")):
        assert save(sidecar, root, FEATURE_DATA, path=same)["path"] == FEATURE_PATH


def test_a_type_that_is_not_the_entity_s_is_refused(sidecar: Sidecar, root: Path) -> None:
    assert refusal(sidecar, root, FEATURE_DATA, entityType="task")[0] == "invalidEntity"
    assert save(sidecar, root, FEATURE_DATA, entityType="feature")["diff"] == ""


# Two with the same id


def test_of_two_with_the_same_id_one_must_be_named(sidecar: Sidecar, root: Path) -> None:
    other, there = FEATURE.replace("Sign in", "Sign out"), "contexts/features/copy.yaml"
    write(root, {there: other})
    changed = {**FEATURE_DATA, "status": "done"}
    kind, message = refusal(sidecar, root, changed)
    assert kind == "conflict"
    assert FEATURE_PATH in message
    assert there in message
    assert refusal(sidecar, root, changed, path="contexts/features/third.yaml")[0] == "conflict"
    assert save(sidecar, root, changed, path=FEATURE_PATH)["path"] == FEATURE_PATH
    assert save(sidecar, root, changed, expectedHash=sha256(other))["path"] == there


# New ones


def test_a_new_entity_gets_a_file_where_it_belongs(sidecar: Sidecar, tmp_path: Path) -> None:
    task = {"id": "T-007", "title": "Write: the manual", "status": "todo"}
    saved = save(sidecar, tmp_path, task)
    path = "contexts/tasks/T-007-write-the-manual.yaml"
    assert files(tmp_path) == {path: b'id: T-007\ntitle: "Write: the manual"\nstatus: todo\n'}
    assert (saved["path"], saved["created"]) == (path, True)
    assert saved["diff"] == (
        f'--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,3 @@\n+id: T-007\n+title: "Write: the manual"\n+status: todo\n'
    )


def test_a_new_entity_goes_where_it_is_sent(sidecar: Sidecar, root: Path) -> None:
    path = "contexts/tasks/later/any name.yml"
    saved = save(sidecar, root, "id: T-009 # nine\ntitle: X\nstatus: todo", path=path)
    assert (saved["path"], saved["created"]) == (path, True)
    assert text(root, path) == "id: T-009 # nine\ntitle: X\nstatus: todo"


@pytest.mark.parametrize(
    "path",
    [
        "../T-009.yaml",
        "/contexts/tasks/T-009.yaml",
        "contexts/tasks/../../../T-009.yaml",
        "contexts/tasks/T-009.txt",
        "contexts/tasks/.T-009.yaml",
        "contexts/.hidden/T-009.yaml",
        "tasks/T-009.yaml",
        ".git/T-009.yaml",
        "contexts/.git/T-009.yaml",
        "contexts/tasks/T-009\n.yaml",
        "contexts/tasks/T-009\0.yaml",
        "contexts/features/T-009.yaml",
        f"contexts/{'x' * 300}.yaml",
        "contexts",
        "C:\\contexts\\tasks\\T-009.yaml",
    ],
)
def test_a_new_entity_goes_nowhere_else(sidecar: Sidecar, root: Path, path: str) -> None:
    task = {"id": "T-009", "title": "X", "status": "todo"}
    assert refusal(sidecar, root, task, path=path)[0] == "pathForbidden"
    assert refusal(sidecar, root, task, path=path, dryRun=True)[0] == "pathForbidden"


def test_an_id_is_no_path(sidecar: Sidecar, root: Path) -> None:
    saved = save(sidecar, root, {"id": "svc/../../../../tmp/x", "name": "X", "type": "backend"}, entityType="service")
    assert saved["path"].startswith("contexts/services/")
    assert ".." not in saved["path"]


def test_a_file_that_is_there_is_not_overwritten(sidecar: Sidecar, root: Path) -> None:
    task = {"id": "T-009", "title": "X", "status": "todo"}
    kind, message = refusal(sidecar, root, task, path=TASK_PATH)
    assert (kind, message) == ("conflict", f"{TASK_PATH} is there already, and holds something else.")
    assert refusal(sidecar, root, task, path=TASK_PATH, expectedHash=sha256(TASK))[0] == "conflict"
    write(root, {"contexts/tasks/list.yaml": "- a\n- b\n"})
    assert refusal(sidecar, root, task, path="contexts/tasks/list.yaml")[0] == "invalidEntity"


def test_a_blank_file_may_be_filled(sidecar: Sidecar, root: Path) -> None:
    path = "contexts/tasks/T-009.yaml"
    write(root, {path: " \n"})
    saved = save(sidecar, root, {"id": "T-009", "title": "X", "status": "todo"})
    assert (saved["path"], saved["created"]) == (path, False)
    assert text(root, path) == "id: T-009\ntitle: X\nstatus: todo\n"


def test_a_hash_is_not_expected_of_a_new_entity(sidecar: Sidecar, root: Path) -> None:
    task = {"id": "T-009", "title": "X", "status": "todo"}
    assert refusal(sidecar, root, task, expectedHash="0" * 64)[0] == "conflict"


# Not valid


@pytest.mark.parametrize(
    ("entity", "paths"),
    [
        ({**FEATURE_DATA, "status": "started"}, ["status"]),
        ({"id": "FEAT-001", "status": "done"}, ["title"]),
        ({**FEATURE_DATA, "tasks": ["T-001", "T-404"]}, ["tasks[1]"]),
        ({**TASK_DATA, "related": {"feature": "svc-web"}}, ["related.feature"]),
        ({"title": "No id", "status": "todo"}, ["id"]),
        ({"id": "", "title": "No id"}, ["id"]),
        ({"id": 7, "title": "No id"}, ["id"]),
        ({"id": "x" * 300, "name": "Long", "type": "backend"}, ["id"]),
        ({"id": "nothing-tells"}, ["id"]),
        ({}, ["id"]),
        (FEATURE.replace("proposed", "started"), ["status"]),
        ("id: FEAT-001\ntitle: [\n", [""]),
        ("- a\n", [""]),
        ("", [""]),
        ("# nothing\n", [""]),
        ("id: FEAT-001\n---\nid: FEAT-002\n", [""]),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: &c{n} [*b, *b]\n" for n in range(3)), ["id"]),
    ],
)
def test_what_is_not_valid_is_not_saved(
    sidecar: Sidecar, root: Path, entity: dict[str, object] | str, paths: list[str]
) -> None:
    before = files(root)
    error = save(sidecar, root, entity)
    assert error["data"]["kind"] == "invalidEntity", error
    assert [found["path"] for found in error["data"]["errors"]] == paths
    assert files(root) == before


def test_the_log_says_where_an_entity_is_wrong_and_not_what_it_holds(sidecar: Sidecar, root: Path) -> None:
    error = save(sidecar, root, {**FEATURE_DATA, "status": "private words"})
    assert "private words" in error["data"]["errors"][0]["message"]
    assert "private" not in sidecar.wait_for_log(error["data"]["errorId"])


def test_the_repository_s_own_schema_is_in_force(sidecar: Sidecar, root: Path) -> None:
    write(root, {".context/schemas/task.schema.json": '{"type": "object", "required": ["estimate"]}'})
    task = {"id": "T-001", "estimate": 3}
    assert refusal(sidecar, root, TASK_DATA)[0] == "invalidEntity"
    assert save(sidecar, root, task)["path"] == TASK_PATH
    assert text(root, TASK_PATH) == "id: T-001\nestimate: 3\n"


def test_an_entity_that_was_wrong_is_made_right(sidecar: Sidecar, root: Path) -> None:
    write(root, {FEATURE_PATH: FEATURE.replace("proposed", "started")})
    assert save(sidecar, root, FEATURE_DATA)["hash"] == sha256(FEATURE)


def test_entity_and_yaml_exclude_each_other(sidecar: Sidecar, root: Path) -> None:
    for params in ({}, {"entity": FEATURE_DATA, "yaml": FEATURE}):
        error = sidecar.call("entity/save", {"repoPath": str(root), **params})
        assert error["data"]["kind"] == "invalidParams"


# What Git makes of it


def test_the_diff_is_one_that_git_applies(
    sidecar: Sidecar, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = sample(tmp_path_factory.mktemp("copy"))
    subprocess.run(["git", "init", "-q", copy], check=True, timeout=60)
    for entity in (
        {**FEATURE_DATA, "title": "Über uns", "tasks": ["T-001"], "acceptance": ["one", "two"]},
        {"id": "T-050", "title": "New", "status": "todo", "related": {"feature": "FEAT-001"}},
        "id: svc-web\nname: Web\ntype: frontend",
    ):
        diff = save(sidecar, root, entity)["diff"]
        subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=copy, check=True, timeout=60)
        assert {path: data for path, data in files(copy).items() if not path.startswith(".git/")} == files(root)
