"""Repositories that change while they are read: every change is noticed, and only what has changed is read again."""

import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from ckservice.context.repositories import Repositories
from ckservice.context.repository import Repository
from tests.sidecar import Sidecar
from tests.small_tree import FEATURE, entities, write


def test_every_change_is_noticed(sidecar: Sidecar, tmp_path: Path) -> None:
    def title(entity_id: str) -> Any:
        return sidecar.call("entity/get", {"repoPath": str(tmp_path), "entityId": entity_id})["entity"]["title"]

    one = write(tmp_path, "contexts/features/FEAT-001.yaml", "id: FEAT-001\ntitle: aaa\nstatus: done\n")
    assert title("FEAT-001") == "aaa"
    times = (one.stat().st_atime_ns, one.stat().st_mtime_ns)
    for text in ("bbb", "ccc"):
        with one.open("r+") as file:
            file.write(f"id: FEAT-001\ntitle: {text}\n")
        os.utime(one, ns=times)
        assert title("FEAT-001") == text
    two = write(tmp_path, "contexts/features/mobile/FEAT-002.yaml")
    assert list(entities(sidecar, tmp_path)) == ["FEAT-001", "FEAT-002"]
    two.rename(two.with_name("FEAT-002-renamed.yaml"))
    assert entities(sidecar, tmp_path)["FEAT-002"] == "contexts/features/mobile/FEAT-002-renamed.yaml"
    one.unlink()
    one.mkdir()
    assert list(entities(sidecar, tmp_path)) == ["FEAT-002"]
    write(tmp_path, "contexts/features/FEAT-001.yaml/FEAT-003.yaml")
    assert list(entities(sidecar, tmp_path)) == ["FEAT-002", "FEAT-003"]
    shutil.rmtree(tmp_path / "contexts")
    assert entities(sidecar, tmp_path) == {}


def test_requests_at_one_time_while_files_change(sidecar: Sidecar, tmp_path: Path) -> None:
    for number in range(1, 101):
        write(tmp_path, f"contexts/features/FEAT-{number:03}.yaml")
    stop = threading.Event()

    def change() -> None:
        for entity_id in cycle(("FEAT-050", "FEAT-051")):
            if stop.is_set():
                return
            path = tmp_path / f"contexts/features/{entity_id}.yaml"
            other = path.with_suffix(".new")
            other.write_text(FEATURE.replace("{id}", entity_id))
            other.replace(path)
            path.unlink()
            path.write_text(FEATURE.replace("{id}", entity_id))

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        try:
            requests = [f"list-{number}" for number in range(200)]
            for request in requests:
                sidecar.request(request, "entity/list", {"repoPath": str(tmp_path), "limit": 1000})
            lists = [sidecar.response(request)["result"]["entities"] for request in requests]
        finally:
            stop.set()
        changing.result()
    restless = {"FEAT-050", "FEAT-051"}
    for listed in lists:
        ids = [entity["id"] for entity in listed]
        assert ids == sorted(ids)
        assert len(set(ids) - restless) == 98
    assert len(entities(sidecar, tmp_path)) == 100


@pytest.mark.source
def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    one = write(tmp_path, "contexts/features/FEAT-001.yaml")
    two = write(tmp_path, "contexts/features/FEAT-002.yaml")
    repository = Repository(tmp_path)
    before = repository.snapshot()
    one.write_bytes(one.read_bytes())
    assert repository.snapshot() is before
    two.write_text(FEATURE.replace("{id}", "FEAT-007"))
    after = repository.snapshot()
    assert after.files["contexts/features/FEAT-001.yaml"] is before.files["contexts/features/FEAT-001.yaml"]
    assert list(after.entities) == ["FEAT-001", "FEAT-007"]
    assert list(before.entities) == ["FEAT-001", "FEAT-002"]
    assert after.schemas is before.schemas


@pytest.mark.source
def test_threads_share_what_is_read(tmp_path: Path) -> None:
    for number in range(1, 51):
        write(tmp_path, f"contexts/features/FEAT-{number:03}.yaml")
    repository = Repository(tmp_path)
    together = threading.Barrier(8)

    def read() -> object:
        together.wait(20)
        return repository.snapshot()

    with ThreadPoolExecutor(8) as pool:
        snapshots = [future.result() for future in [pool.submit(read) for _ in range(8)]]
    assert len(set(snapshots)) == 1


@pytest.mark.source
@pytest.mark.skipif(sys.platform == "win32", reason="links take rights there")
async def test_a_directory_is_one_repository_whatever_it_is_called(tmp_path: Path) -> None:
    root = tmp_path / "one"
    root.mkdir()
    (tmp_path / "two").symlink_to(root)
    repositories = Repositories(lambda: None)
    spellings = [root, f"{root}/", f"{tmp_path}/./two", f"{tmp_path}/two/../one/.", f"/{root}"]
    found = [await repositories.find(str(spelling)) for spelling in spellings]
    assert len({id(repository) for repository in found}) == 1
    root.rename(tmp_path / "three")
    root.symlink_to("three")
    assert (await repositories.find(str(root))).root == tmp_path.resolve() / "three"
