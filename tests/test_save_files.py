"""entity/save on files that are odd, broken, linked, protected, or on a disk that is full."""

import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.saving import (
    FEATURE,
    FEATURE_DATA,
    FEATURE_PATH,
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

Start = Callable[..., Sidecar]

BOM = b"\xef\xbb\xbf"
DONE = {**FEATURE_DATA, "status": "done"}
FIRST = "id: T-001\ntitle: One # first\nstatus: todo\n"
SECOND = "---\n# second\nid: T-002\ntitle: Two\nstatus: todo\n"
THIRD = "---\nid: T-003\ntitle: Three\nstatus: todo"
THREE = FIRST + SECOND + THIRD
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="links and permissions as POSIX has them")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sample(tmp_path)


# Texts


@pytest.mark.parametrize("mark", [b"", BOM])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_the_byte_order_mark_stay(sidecar: Sidecar, root: Path, mark: bytes, end: str) -> None:
    old = mark + FEATURE.replace("\n", end).encode()
    write(root, {FEATURE_PATH: old})
    saved = save(sidecar, root, {**DONE, "x-note": FEATURE_DATA["x-note"]}, expectedHash=sha256(old))
    new = old.replace(b"proposed", b"done")
    assert (root / FEATURE_PATH).read_bytes() == new
    assert saved["diff"].count("\n-") == 1
    save(sidecar, root, FEATURE)
    assert (root / FEATURE_PATH).read_bytes() == mark + FEATURE.encode()
    save(sidecar, root, "\ufeff" + FEATURE)
    assert (root / FEATURE_PATH).read_bytes() == mark + FEATURE.encode()


def test_of_several_documents_only_the_right_one_changes(sidecar: Sidecar, root: Path) -> None:
    write(root, {TASK_PATH: THREE})
    save(sidecar, root, {"id": "T-002", "title": "Two", "status": "done"})
    changed = SECOND.replace("todo", "done")
    assert (root / TASK_PATH).read_text() == FIRST + changed + THIRD
    entity = sidecar.call("entity/get", {"repoPath": str(root), "entityId": "T-002"})
    assert entity["yaml"] == changed
    assert save(sidecar, root, changed)["diff"] == ""


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            "# mine\nstatus: done\nid: T-001\ntitle: One",
            "# mine\nstatus: done\nid: T-001\ntitle: One\n" + SECOND + THIRD,
        ),
        ("id: T-002\ntitle: 2\nstatus: done", None),
        ("id: T-002\ntitle: '2'\nstatus: done", FIRST + "---\nid: T-002\ntitle: '2'\nstatus: done\n" + THIRD),
        ("---\nid: T-002\ntitle: B\nstatus: done\n", FIRST + "---\nid: T-002\ntitle: B\nstatus: done\n" + THIRD),
        ("id: T-003\ntitle: C\nstatus: done", FIRST + SECOND + "---\nid: T-003\ntitle: C\nstatus: done"),
    ],
)
def test_of_several_documents_one_is_replaced_by_text(
    sidecar: Sidecar, root: Path, given: str, wanted: str | None
) -> None:
    write(root, {TASK_PATH: THREE})
    if wanted is None:
        assert refusal(sidecar, root, given)[0] == "invalidEntity"
    else:
        assert "diff" in save(sidecar, root, given)
        assert (root / TASK_PATH).read_text() == wanted


def test_what_is_not_utf_8_is_not_changed_but_may_be_replaced(sidecar: Sidecar, root: Path) -> None:
    old = FEATURE.encode().replace(b"since May", b"seit M\xe4rz")
    write(root, {FEATURE_PATH: old})
    kind, message = refusal(sidecar, root, DONE)
    assert kind == "invalidEntity"
    assert "UTF-8" in message
    assert save(sidecar, root, FEATURE, expectedHash=sha256(old))["hash"] == sha256(FEATURE)
    assert (root / FEATURE_PATH).read_text() == FEATURE


def test_a_broken_file_is_only_replaced_by_those_who_know_it(sidecar: Sidecar, root: Path) -> None:
    broken = FEATURE + "title: [\n"
    write(root, {FEATURE_PATH: broken})
    for entity in (FEATURE_DATA, FEATURE):
        kind, message = refusal(sidecar, root, entity)
        assert kind == "invalidEntity"
        assert f"{FEATURE_PATH}, line 1" in message
    assert refusal(sidecar, root, FEATURE_DATA, expectedHash=sha256(broken))[0] == "invalidEntity"
    assert refusal(sidecar, root, FEATURE, expectedHash=sha256(FEATURE))[0] == "conflict"
    assert refusal(sidecar, root, FEATURE, path="contexts/features/other.yaml")[0] == "conflict"
    saved = save(sidecar, root, FEATURE, expectedHash=sha256(broken))
    assert (saved["path"], saved["created"], saved["hash"]) == (FEATURE_PATH, False, sha256(FEATURE))


def test_a_file_that_could_not_be_read_again_is_not_written(sidecar: Sidecar, root: Path) -> None:
    before = files(root)
    error = save(sidecar, root, {**FEATURE_DATA, "objective": "x" * 6_000_000})
    assert error["data"]["kind"] == "invalidEntity"
    nested: object = "deep"
    for _ in range(120):
        nested = [nested]
    assert save(sidecar, root, {**FEATURE_DATA, "x": nested})["data"]["kind"] == "invalidEntity"
    assert files(root) == before


# Links


@on_posix
def test_a_linked_file_is_changed_where_it_lies(sidecar: Sidecar, root: Path) -> None:
    real = root / "shared" / "sign-in.yaml"
    real.parent.mkdir()
    (root / FEATURE_PATH).rename(real)
    (root / FEATURE_PATH).symlink_to("../../shared/sign-in.yaml")
    saved = save(sidecar, root, DONE)
    assert (root / FEATURE_PATH).is_symlink()
    assert not real.is_symlink()
    assert real.read_text() == FEATURE.replace("proposed", "done")
    assert saved["created"] is False
    assert save(sidecar, root, FEATURE_DATA, path=FEATURE_PATH)["path"] == saved["path"]


@on_posix
def test_a_link_out_of_the_repository_is_not_followed(
    sidecar: Sidecar, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (root / "contexts" / "specs").symlink_to(outside)
    (root / "contexts" / "tasks" / "T-009.yaml").symlink_to(outside / "T-009.yaml")
    spec = {"id": "SPEC-001", "title": "X"}
    assert refusal(sidecar, root, spec)[0] == "pathForbidden"
    assert refusal(sidecar, root, spec, path="contexts/specs/a.yaml")[0] == "pathForbidden"
    task = {"id": "T-009", "title": "X", "status": "todo"}
    assert refusal(sidecar, root, task, path="contexts/tasks/T-009.yaml")[0] == "pathForbidden"
    assert list(outside.iterdir()) == []


def test_a_folder_is_no_file(sidecar: Sidecar, root: Path) -> None:
    (root / "contexts" / "tasks" / "T-009.yaml").mkdir()
    task = {"id": "T-009", "title": "X", "status": "todo"}
    assert refusal(sidecar, root, task, path="contexts/tasks/T-009.yaml") == (
        "conflict",
        "contexts/tasks/T-009.yaml is a folder.",
    )
    assert refusal(sidecar, root, task, path=f"{TASK_PATH}/T-009.yaml")[0] == "pathForbidden"


@on_posix
def test_a_pipe_is_no_file(sidecar: Sidecar, root: Path) -> None:
    os.mkfifo(root / "contexts" / "tasks" / "T-009.yaml")
    task = {"id": "T-009", "title": "X", "status": "todo"}
    error = save(sidecar, root, task, path="contexts/tasks/T-009.yaml")
    assert (error["data"]["kind"], error["message"]) == (
        "storageFailed",
        "contexts/tasks/T-009.yaml is not a regular file.",
    )
    plan = {"temporaries": [], "directories": [], "is_undoing": False}
    plan["replacements"] = [{"target": "contexts/tasks/T-009.yaml", "temporary": None, "before": None, "after": None}]
    write(root, {".ckservice-0123456789abcdef.journal": json.dumps(plan) + "\n"})
    assert sidecar.call("entity/list", {"repoPath": str(root)})["entities"]


# Permissions and room


@on_posix
def test_permissions_stay(sidecar: Sidecar, root: Path) -> None:
    file = root / FEATURE_PATH
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 1234, 1235)
    owner = file.stat()
    save(sidecar, root, DONE)
    after = file.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o640, owner.st_uid, owner.st_gid)
    assert after.st_ino != owner.st_ino
    new = save(sidecar, root, {"id": "T-009", "title": "X", "status": "todo"})["path"]
    (root / "plain").touch()
    assert (root / new).stat().st_mode == (root / "plain").stat().st_mode


@pytest.fixture
def anybody() -> Iterator[tuple[Path, list[str]]]:
    """A directory that everybody can reach, and how to start a program that has no more rights than anybody."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    is_root = os.geteuid() == 0
    if is_root and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to become somebody else")
    yield directory, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if is_root else []
    shutil.rmtree(directory)


def own(path: Path) -> None:
    if os.geteuid() == 0:
        for inner in (path, *path.rglob("*")):
            os.chown(inner, 65534, 65534)


@on_posix
def test_what_may_not_be_written_is_left_alone(start: Start, anybody: tuple[Path, list[str]]) -> None:
    directory, through = anybody
    root = sample(directory / "repository")
    own(directory)
    (directory / "data").mkdir(mode=0o777)
    own(directory)
    with start(
        through=through, env={"CKSERVICE_DATA_DIR": str(directory / "data"), "PYTHONDONTWRITEBYTECODE": "1"}
    ) as sidecar:
        for protected, mode in ((root / FEATURE_PATH, 0o444), ((root / FEATURE_PATH).parent, 0o555), (root, 0o555)):
            usual = protected.stat().st_mode
            protected.chmod(mode)
            error = save(sidecar, root, DONE)
            protected.chmod(usual)
            assert error["data"]["kind"] == "storageFailed", (protected, error)
            assert "permission" in error["message"]
            assert "permissions" in error["data"]["userMessage"]
            assert str(directory) not in str(error)
            assert set(files(root)) == {FEATURE_PATH, TASK_PATH, "contexts/services/svc-web.yaml"}
            assert (root / FEATURE_PATH).read_text() == FEATURE
        assert save(sidecar, root, DONE)["created"] is False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and os.system(f"mount -t tmpfs -o size=64k tmpfs {disk} 2>/dev/null") == 0
    if not mounted:
        pytest.skip("a small file system can't be mounted here")
    yield disk
    os.system(f"umount {disk}")


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 1024)


@on_posix
def test_a_full_disk_keeps_what_was_there(sidecar: Sidecar, small_disk: Path) -> None:
    sample(small_disk)
    before = files(small_disk)
    error = save(sidecar, small_disk, {**FEATURE_DATA, "objective": "x" * 100_000})
    assert error["data"]["kind"] == "storageFailed"
    assert error["message"] == f"{FEATURE_PATH} can't be written: there is no room."
    assert files(small_disk) == before
    new = {"id": "T-009", "title": "X", "status": "todo", "steps": ["x" * 100_000]}
    assert save(sidecar, small_disk, new, path="contexts/tasks/a/b/c.yaml")["data"]["kind"] == "storageFailed"
    assert files(small_disk) == before
    assert not (small_disk / "contexts/tasks/a").exists()
    assert "diff" in save(sidecar, small_disk, DONE)


@on_posix
def test_not_even_a_journal_fits(sidecar: Sidecar, small_disk: Path) -> None:
    sample(small_disk)
    fill(small_disk / "filler")
    before = files(small_disk)
    assert save(sidecar, small_disk, DONE)["data"]["kind"] == "storageFailed"
    assert files(small_disk) == before


@on_posix
def test_new_files_are_as_large_as_they_may_be(start: Start, root: Path) -> None:
    import resource

    with start() as sidecar:
        assert save(sidecar, root, FEATURE_DATA)["diff"] == ""
        resource.prlimit(sidecar.process.pid, resource.RLIMIT_FSIZE, (20, 20))
        before = files(root)
        error = save(sidecar, root, DONE)
        assert (error["data"]["kind"], files(root)) == ("storageFailed", before)


def test_the_parts_of_a_path_may_be_files(sidecar: Sidecar, root: Path) -> None:
    (root / "contexts" / "specs").write_text("no folder")
    kind, _ = refusal(sidecar, root, {"id": "SPEC-001", "title": "X"})
    assert kind in ("pathForbidden", "storageFailed")
    assert TASK.encode() in files(root).values()
