"""Several processes with one index, and processes that are killed: nothing is done twice, nothing is lost."""

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.indexed_repository import LONG_AGO, IndexedRepository
from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> IndexedRepository:
    return IndexedRepository(tmp_path / "repository", environment["CKSERVICE_DATA_DIR"])


def test_processes_that_index_the_same_share_the_work(start: Start, repository: IndexedRepository) -> None:
    repository.write_many(1000)
    sidecars = [start() for _ in range(3)]
    for sidecar in sidecars:
        sidecar.request("index", "rag/index", repository.place)
    results = [sidecar.response("index")["result"] for sidecar in sidecars]
    assert sum(result["added"] for result in results) == 1000
    assert {(result["added"] + result["unchanged"], result["chunks"]) for result in results} == {(1000, 1000)}
    for sidecar in sidecars:
        assert repository.found(sidecar, "number234", topK=1) == ["notes/n234.md"]
    repository.check()
    repository.write("notes/n7.md", "# Persimmon\n")
    repository.root.joinpath("notes/n8.md").unlink()
    for sidecar in sidecars:
        sidecar.request("search", "rag/search", {**repository.place, "query": "persimmon number8", "topK": 2})
    for sidecar in sidecars:
        result = sidecar.response("search")["result"]
        assert result["stale"] or [source["filePath"] for source in result["sources"]] == ["notes/n7.md"]
        assert repository.found(sidecar, "persimmon number8") == ["notes/n7.md"]
    repository.check()


def test_an_index_that_is_removed_while_it_is_made_is_made_again(start: Start, repository: IndexedRepository) -> None:
    repository.write_many(1000)
    sidecars = [start(), start()]
    sidecars[0].request("index", "rag/index", repository.place)
    sidecars[0].wait_for(lambda message: message.get("params", {}).get("phase") == "indexing")
    for sidecar in sidecars:
        assert "error" not in sidecar.call("rag/clear", repository.place)
    assert sidecars[0].response("index")["result"]["chunks"] == 1000
    for sidecar in sidecars:
        assert repository.found(sidecar, "number234", topK=1) == ["notes/n234.md"]
        assert repository.status(sidecar)["files"] == 1000
    repository.check()


def test_searches_go_on_while_everything_is_indexed_again(start: Start, repository: IndexedRepository) -> None:
    repository.write_many(1000)
    sidecar = start()
    repository.update(sidecar)
    sidecar.request("index", "rag/index", {**repository.place, "rebuild": True})
    begun = {"requestId": "index", "phase": "scanning"}.items()
    sidecar.wait_for(lambda message: begun <= message.get("params", {}).items())
    longest = 0.0
    while not longest or not sidecar.answers['"index"']:
        asked_at = time.monotonic()
        (source,) = repository.search(sidecar, "number977", topK=1)["sources"]
        assert source["filePath"] == "notes/n977.md"
        longest = max(longest, time.monotonic() - asked_at)
    assert longest < 3
    assert sidecar.response("index")["result"]["updated"] == 1000
    assert repository.found(sidecar, "number77", topK=1) == ["notes/n77.md"]


@pytest.mark.parametrize("kills", [8])
def test_who_is_killed_leaves_an_index_that_is_completed(
    start: Start, repository: IndexedRepository, kills: int
) -> None:
    repository.write_many(400)
    for attempt in range(kills):
        with start() as sidecar:
            if attempt % 3 == 2:  # while it is removed, or just after
                sidecar.request("clear", "rag/clear", repository.place)
            repository.write_many(400, f"about{attempt}", at=LONG_AGO + attempt)
            sidecar.request("index", "rag/index", {**repository.place, "rebuild": attempt % 2 == 0})
            moment = threading.Event()
            moment.wait(random.uniform(0, 0.5))  # none is more likely to hurt than another
            sidecar.process.kill()
            sidecar.exit_code()
            # Whoever was killed before the index was made has left none.
            assert len(list(repository.folder.glob("*.sqlite"))) <= 1
    sidecar = start()
    added, updated, _, unchanged = repository.update(sidecar)
    assert added + updated + unchanged == 400
    assert repository.status(sidecar)["stale"] is False
    assert repository.found(sidecar, "number123", topK=1) == ["notes/n123.md"]
    assert repository.rows(f"SELECT count(*) FROM chunk WHERE body LIKE '%about{kills - 1} %'") == [(400,)]
    repository.check()
    assert [record for record in sidecar.records() if record["level"] in ("warning", "error")] == []


def test_an_index_that_another_process_keeps_to_itself_is_no_mistake_of_ours(
    start: Start, repository: IndexedRepository
) -> None:
    repository.write("a.md", "# Apples\n")
    with start() as sidecar:
        repository.update(sidecar)
    with repository.opened() as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        error = start().call("rag/status", repository.place)
    assert error["data"]["kind"] == "storageFailed"
    assert "another process holds it" in error["message"]


@pytest.mark.source
def test_who_has_an_older_view_replaces_nothing_that_is_newer(tmp_path: Path) -> None:
    from ckservice.retrieval.files.scan import Signature
    from ckservice.retrieval.syncing import Sync, compare
    from tests.indexing import Index

    root = tmp_path / "repository"
    root.mkdir()
    index = Index(tmp_path / "index.sqlite3")

    def listed(*names: str) -> dict[str, Signature]:
        statuses = {name: (root / name).stat() for name in names}
        return {name: Signature(status.st_size, status.st_mtime_ns) for name, status in statuses.items()}

    def begin(files: dict[str, Signature]) -> Sync:
        return Sync(root, index.run(partial(compare, found=files)), lambda: None)

    (root / "a.md").write_text("# Apples\n")
    (root / "b.md").write_text("# Brambles\n")
    index.run(begin(listed("a.md", "b.md")).step)
    (root / "a.md").write_text("# Cherries\n")
    (root / "b.md").unlink()
    older = begin(listed("a.md"))
    (root / "a.md").write_text("# Damsons, now\n")
    (root / "b.md").write_text("# Elderberries\n")
    newer = begin(listed("a.md", "b.md"))
    index.run(newer.step)
    before = index.rows("SELECT * FROM file")
    index.run(older.step)
    assert sorted(index.found("damsons elderberries")) == ["a.md#damsons-now", "b.md#elderberries"]
    assert (newer.counts.updated, older.counts.updated, older.counts.removed) == (2, 0, 0)
    assert index.rows("SELECT * FROM file") == before
