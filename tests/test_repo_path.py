"""`repoPath`: the request's goes first, then that of the settings, of `initialize`, of the environment."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import ROOT, Sidecar

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs what Windows has not")


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], str]:
    """A repository whose only entity has a certain id."""

    def _make(entity_id: str) -> str:
        tasks = tmp_path / entity_id / "contexts/tasks"
        tasks.mkdir(parents=True)
        (tasks / f"{entity_id}.yaml").write_text(f"id: {entity_id}\n")
        return str(tmp_path / entity_id)

    return _make


def only(sidecar: Sidecar, **params: Any) -> Any:
    """The id of the only entity; the kind of the error where there is one."""
    result = sidecar.call("entity/list", params)
    return result["entities"][0]["id"] if "entities" in result else result["data"]["kind"]


def test_what_is_nearest_goes_first(start: Callable[..., Sidecar], make: Callable[[str], str]) -> None:
    sidecar = start(env={"CKSERVICE_REPO_PATH": make("T-001")})
    assert only(sidecar) == "T-001"
    sidecar.initialize(repoPath=make("T-002"), settings={"repoPath": make("T-003")})
    assert only(sidecar) == "T-002"
    shown = sidecar.call("settings/update", {"repoPath": make("T-004")})
    assert shown["repoPath"] == sidecar.call("settings/get")["repoPath"] != ""
    assert only(sidecar) == "T-004"
    assert only(sidecar, repoPath=make("T-005")) == "T-005"
    assert only(sidecar) == "T-004"
    sidecar.call("settings/update", {"logLevel": "debug"})
    assert only(sidecar) == "T-004"
    assert sidecar.call("settings/update", {"repoPath": None})["repoPath"] is None
    assert only(sidecar) == "repositoryNotFound"


def test_the_settings_of_initialize_count(start: Callable[..., Sidecar], make: Callable[[str], str]) -> None:
    sidecar = start()
    sidecar.initialize(settings={"repoPath": make("T-001")})
    assert only(sidecar) == "T-001"


def test_the_environment_s_may_be_relative_to_where_the_program_starts(
    start: Callable[..., Sidecar], make: Callable[[str], str]
) -> None:
    path = make("T-001")
    sidecar = start(env={"CKSERVICE_REPO_PATH": os.path.relpath(path, ROOT)})
    assert sidecar.call("settings/get")["repoPath"] == path
    assert only(sidecar) == "T-001"


def test_a_repository_that_goes_and_comes_again(sidecar: Sidecar, make: Callable[[str], str]) -> None:
    path = Path(make("T-001"))
    sidecar.call("settings/update", {"repoPath": str(path)})
    assert only(sidecar) == "T-001"
    path.rename(path.with_name("away"))
    assert only(sidecar) == "repositoryNotFound"
    path.with_name("away").rename(path)
    assert only(sidecar) == "T-001"


@pytest.mark.parametrize(
    "path",
    [
        "relative",
        "./x",
        "..",
        "~",
        "~root",
        "C:relative",
        "/no/such/canary",
        "\\\\canary\\share",
        "/x\x00canary",
        "/" + "x" * 4000,
    ],
)
def test_what_is_no_directory_is_refused_and_not_repeated(sidecar: Sidecar, path: str) -> None:
    for answer in (
        sidecar.call("entity/list", {"repoPath": path}),
        sidecar.call("settings/update", {"repoPath": path}) and sidecar.call("entity/list"),
    ):
        assert answer["data"]["kind"] == "repositoryNotFound"
        shown = str(answer)
        assert "canary" not in shown
        assert "xxx" not in shown


def test_a_file_is_no_repository(sidecar: Sidecar, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        assert only(sidecar, repoPath=str(path)) == "repositoryNotFound"


@pytest.mark.parametrize("path", ["", 5, ["/"], {"path": "/"}, "x" * 4097])
def test_what_is_no_path_is_invalid(sidecar: Sidecar, path: Any) -> None:
    assert only(sidecar, repoPath=path) == "invalidParams"
    assert sidecar.call("settings/update", {"repoPath": path})["data"]["kind"] == "invalidParams"


@on_posix
def test_spellings_of_one_directory(sidecar: Sidecar, make: Callable[[str], str], tmp_path: Path) -> None:
    path = make("T-001")
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "loop").symlink_to("loop")
    for spelling in (f"{path}/", f"{path}/.", f"//{path}", f"{path}/contexts/..", str(tmp_path / "link")):
        assert only(sidecar, repoPath=spelling) == "T-001"
    assert only(sidecar, repoPath=str(tmp_path / "loop")) == "repositoryNotFound"
