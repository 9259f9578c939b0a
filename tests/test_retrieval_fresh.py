"""The index follows the repository: what a search finds is what is there, and what has not changed is not read again."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.git_repository import GitRepository
from tests.indexed_repository import LONG_AGO, IndexedRepository
from tests.meaning import Embedding, asked_texts
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar, wait_until

Start = Callable[..., Sidecar]
Serve = Callable[[Script], Server]


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> IndexedRepository:
    return IndexedRepository(tmp_path / "repository", environment["CKSERVICE_DATA_DIR"])


@pytest.fixture
def sidecar(start: Start) -> Sidecar:
    """With a data directory that the tests know."""
    return start()


def embed(sidecar: Sidecar, server: Server) -> None:
    config = {"provider": "ollama", "endpoint": server.url, "model": "embedder"}
    assert "error" not in sidecar.call("settings/update", {"embedding": config})


# What has become of files


def test_files_are_counted_by_what_has_become_of_them(sidecar: Sidecar, repository: IndexedRepository) -> None:
    for name in ("a", "b", "c", "d"):
        repository.write(f"{name}.md", f"# About {name}\n")
    binary = repository.write("e.bin", b"\0\1\2")
    repository.write("f.md", "# New at this moment\n", at=None)
    assert repository.update(sidecar) == (5, 0, 0, 0)
    assert repository.update(sidecar) == (0, 0, 0, 5)
    repository.write("a.md", "# About apples\n")
    repository.root.joinpath("b.md").rename(repository.root / "g.md")
    repository.root.joinpath("c.md").unlink()
    repository.write("d.md", b"\0\1\2 it is none any more", at=None)
    binary.unlink()
    assert repository.update(sidecar) == (1, 1, 3, 1)
    assert repository.update(sidecar) == (0, 0, 0, 3)
    assert repository.found(sidecar, "apples") == ["a.md"]
    assert repository.found(sidecar, "about b") == ["g.md"]
    status = repository.status(sidecar)
    assert (status["files"], status["stale"], status["leftOut"]) == (3, False, {"binary": 1})
    assert repository.update(sidecar, rebuild=True) == (0, 3, 0, 0)


def test_nothing_is_written_where_nothing_has_changed(start: Start, repository: IndexedRepository) -> None:
    repository.write_many(20)
    repository.write("fresh.md", "# Fresh\n", at=int(time.time()) + 3600)  # so that it is read each time
    with start() as sidecar:
        repository.update(sidecar)
        indexed_at = repository.status(sidecar)["indexedAt"]
        repository.update(sidecar)
        assert sidecar.end() == 0
    repository.check()
    written = _bytes(repository)
    sidecar = start()
    assert repository.status(sidecar)["indexedAt"] == indexed_at
    assert repository.update(sidecar) == (0, 0, 0, 21)
    found = repository.search(sidecar, "fresh")
    assert found["indexedAt"] > indexed_at
    assert repository.status(sidecar)["indexedAt"] == found["indexedAt"]
    assert _bytes(repository) == written


def _bytes(repository: IndexedRepository) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in repository.folder.iterdir() if not path.name.endswith("-shm")}
    return {name: data for name, data in files.items() if data}


def test_a_file_is_read_again_only_if_it_may_have_changed(sidecar: Sidecar, repository: IndexedRepository) -> None:
    settled, fresh = repository.write("settled.md", "# Apples\n"), repository.write("fresh.md", "# Plums!\n", at=None)
    now = fresh.stat().st_mtime_ns
    assert set(repository.found(sidecar, "apples plums")) == {"settled.md", "fresh.md"}
    repository.write("settled.md", "# Grapes\n")
    fresh.write_bytes(b"# Pears!\n")
    os.utime(fresh, ns=(now, now))
    assert repository.found(sidecar, "pears") == ["fresh.md"]
    assert repository.found(sidecar, "grapes") == []  # same size, same time, and long ago
    os.utime(settled, (LONG_AGO + 1, LONG_AGO + 1))
    assert repository.found(sidecar, "grapes") == ["settled.md"]


def test_the_status_says_whether_something_has_changed(sidecar: Sidecar, repository: IndexedRepository) -> None:
    file = repository.write("a.md", "# Apples\n")
    status = repository.status(sidecar)
    assert (status["exists"], status["stale"], status["sizeBytes"], "indexedAt" in status) == (False, True, 0, False)
    assert not repository.folder.exists()
    repository.write("b.md", "# Pears\n", at=None)
    repository.update(sidecar)
    assert repository.status(sidecar)["stale"] is False
    os.utime(file)
    assert repository.status(sidecar)["stale"] is False  # it is another time, but the same text
    repository.write("b.md", "# Plums\n", at=None)
    assert repository.status(sidecar)["stale"] is True
    repository.update(sidecar)
    repository.write("c.md", "# Plums\n")
    assert repository.status(sidecar)["stale"] is True
    file.unlink()
    repository.update(sidecar)
    repository.root.joinpath("c.md").unlink()
    status = repository.status(sidecar)
    assert (status["exists"], status["stale"], status["files"]) == (True, True, 2)
    assert status["sizeBytes"] > 4096


def test_switching_branches_makes_no_vector_twice(
    serve: Serve, sidecar: Sidecar, repository: IndexedRepository
) -> None:
    server = serve(Embedding())
    embed(sidecar, server)
    git = GitRepository.create(repository.root)
    git.write("a.md", "# Apples\n")
    git.write("b.md", "# Pears\n")
    git.commit()
    assert repository.update(sidecar) == (2, 0, 0, 0)
    git.git("switch", "--quiet", "--create", "other")
    git.write("a.md", "# Plums\n")
    git.git("mv", "b.md", "c.md")
    git.commit()
    assert repository.update(sidecar) == (1, 1, 1, 0)
    assert len(asked_texts(server)) == 3  # that of the file that was renamed is known
    for branch, expected in (("main", {"a.md", "b.md"}), ("other", {"a.md", "c.md"}), ("main", {"a.md", "b.md"})):
        git.git("switch", "--quiet", branch)
        result = repository.search(sidecar, "apples pears plums", mode="lexical")
        assert {source["filePath"] for source in result["sources"]} == expected
        assert any("Apples" in source["excerpt"] for source in result["sources"]) is (branch == "main")
        assert sidecar.call("rag/index", repository.place)["embedded"] == 0
    assert repository.update(sidecar, rebuild=True) == (0, 2, 0, 0)
    assert len(asked_texts(server)) == 3


# Who waits, and for how long


def test_a_search_does_not_wait_for_long(sidecar: Sidecar, repository: IndexedRepository) -> None:
    repository.write("a.md", "# Apples\n")
    assert repository.found(sidecar, "apples") == ["a.md"]
    repository.write("b.md", "# More apples\n")
    with repository.locked():
        for number in range(10):
            sidecar.request(number, "rag/search", {**repository.place, "query": "apples"})
        sidecar.notify("$/cancelRequest", {"id": 0})
        sidecar.response(0)
        for number in range(1, 10):
            result = sidecar.response(number)["result"]
            assert (len(result["sources"]), result["stale"]) == (1, True)
        begun = time.monotonic()
        assert repository.search(sidecar, "apples")["stale"] is True
        assert time.monotonic() - begun < 0.35  # it goes on for so long already that nobody waits for its end
        assert repository.status(sidecar)["building"] is True
    wait_until(lambda: not repository.status(sidecar)["building"])
    assert repository.found(sidecar, "apples") == ["a.md", "b.md"]


def test_where_there_is_no_index_yet_it_is_waited_for(sidecar: Sidecar, repository: IndexedRepository) -> None:
    repository.write("a.md", "# Apples\n")
    repository.update(sidecar)
    sidecar.call("rag/clear", repository.place)
    with repository.locked():
        sidecar.request("query", "rag/query", {**repository.place, "query": "Which apples are there?"})
        sidecar.request("search", "rag/search", {**repository.place, "query": "apples"})
        error = sidecar.response("search")["error"]
        assert error["data"]["kind"] == "indexNotReady"
        assert error["data"]["retryAfterMs"] > 0
        assert repository.status(sidecar)["exists"] is False
        wait_until(lambda: sidecar.notifications("query", "stream/progress"))
        assert sidecar.answers['"query"'] == 0
    assert sidecar.response("query")["result"]["sources"][0]["filePath"] == "a.md"
    assert repository.found(sidecar, "apples") == ["a.md"]


def test_a_cancel_is_answered_at_once_and_what_is_written_stays(
    sidecar: Sidecar, repository: IndexedRepository
) -> None:
    repository.write_many(1500)
    sidecar.request("first", "rag/index", repository.place)
    progress = sidecar.wait_for(lambda message: message.get("params", {}).get("phase") == "indexing")["params"]
    sidecar.notify("$/cancelRequest", {"id": "first"})
    begun = time.monotonic()
    assert sidecar.response("first")["error"]["data"]["kind"] == "cancelled"
    assert time.monotonic() - begun < 1
    assert 0 < progress["completed"] <= progress["total"] == 1500
    added, _, _, unchanged = repository.update(sidecar)
    assert added + unchanged == 1500
    assert unchanged >= progress["completed"]
    assert repository.found(sidecar, "number77 number1499", topK=2) == ["notes/n1499.md", "notes/n77.md"]
    repository.check()


def test_progress_is_told_at_a_bearable_rate(sidecar: Sidecar, repository: IndexedRepository) -> None:
    repository.write_many(1200)
    sidecar.request(1, "rag/index", repository.place)
    duration: dict[str, Any] = sidecar.response(1)["result"]
    told = [message["params"] for message in sidecar.notifications(1, "stream/progress")]
    assert [part["phase"] for part in told] == ["scanning", *["indexing"] * (len(told) - 1)]
    completed = [part["completed"] for part in told[1:]]
    assert completed == sorted(completed)
    assert (completed[-1], {part["total"] for part in told[1:]}) == (1200, {1200})
    assert len(told) <= 3 + duration["durationMs"] / 100


# Removed


def test_clearing_gives_the_space_back(serve: Serve, start: Start, repository: IndexedRepository) -> None:
    server = serve(Embedding())
    sidecars = [start(), start()]
    for sidecar in sidecars:
        embed(sidecar, server)
    assert sidecars[0].call("rag/clear", repository.place) == {"cleared": False, "freedBytes": 0}
    assert not repository.folder.exists()
    repository.write_many(300)
    repository.update(sidecars[0])
    assert repository.found(sidecars[1], "number7", topK=1, mode="hybrid") == ["notes/n7.md"]
    before = _size(repository)
    cleared = sidecars[0].call("rag/clear", repository.place)
    assert cleared == {"cleared": True, "freedBytes": before - _size(repository)}
    assert _size(repository) < before / 5
    assert repository.rows("SELECT count(*) FROM embedding") == [(0,)]
    for sidecar in sidecars:
        assert repository.status(sidecar)["exists"] is False
    for sidecar in reversed(sidecars):
        assert repository.found(sidecar, "number7", topK=1, mode="lexical") == ["notes/n7.md"]
    repository.check()


def _size(repository: IndexedRepository) -> int:
    return sum(path.stat().st_size for path in repository.folder.iterdir() if not path.name.endswith("-shm"))


def test_indexes_that_nobody_needs_are_removed(start: Start, tmp_path: Path, environment: dict[str, str]) -> None:
    indexed = {}
    sidecar = start()
    for name in ("unused", "gone", "unplugged", "kept"):
        repository = IndexedRepository(tmp_path / name / "repository", environment["CKSERVICE_DATA_DIR"])
        before = set(repository.folder.glob("*.sqlite"))
        repository.write("a.md", "# Apples\n")
        repository.update(sidecar)
        (indexed[name],) = set(repository.folder.glob("*.sqlite")) - before
    assert sidecar.end() == 0
    (tmp_path / "gone/repository/a.md").unlink()
    (tmp_path / "gone/repository").rmdir()
    (tmp_path / "unplugged/repository").rename(tmp_path / "elsewhere")
    (tmp_path / "unplugged").rmdir()
    for name, days in (("unused", 91), ("gone", 2), ("unplugged", 2), ("kept", 2)):
        for ending in ("", "-wal"):
            path = indexed[name].with_name(indexed[name].name + ending)
            if path.exists():
                os.utime(path, (time.time() - days * 86400,) * 2)
    sidecar = start()
    repository = IndexedRepository(tmp_path / "new", environment["CKSERVICE_DATA_DIR"])
    repository.write("a.md", "# Apples\n")
    assert repository.found(sidecar, "apples") == ["a.md"]
    wait_until(lambda: not indexed["unused"].exists() and not indexed["gone"].exists())
    assert indexed["unplugged"].exists()
    assert indexed["kept"].exists()
    assert list(repository.folder.glob(f"{indexed['gone'].name}*")) == []
