"""The index on disk: what comes in, changes, moves and goes; and what is left when somebody is killed meanwhile."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ckservice.retrieval.storage import index as index_module
from ckservice.retrieval.storage.index import Change, Remove, Touch
from tests.indexing import Index, file_of, put
from tests.sidecar import ROOT

pytestmark = pytest.mark.source

TASK = "contexts/tasks/T-001.yaml"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index.sqlite3")


def test_a_file_is_replaced_with_all_its_chunks_and_links(index: Index) -> None:
    index.fill({"docs/a.md": "# Apples\n\nFEAT-001\n\n# Pears\n", TASK: "id: T-001\ntitle: Plums\n"})
    assert index.found("apples") == ["docs/a.md#apples"]
    index.fill({"docs/a.md": "# Cherries\n"})
    assert index.found("apples pears") == []
    assert index.found("cherries") == ["docs/a.md#cherries"]
    assert index.found("plums") == ["T-001"]
    assert index.rows("SELECT * FROM link") == []


def test_links_of_a_file_that_is_broken_stay_as_they_were(index: Index) -> None:
    index.fill({TASK: "id: T-001\ntitle: A\nrelated: {feature: FEAT-001}\n"})
    index.fill({TASK: "id: T-001\ntitle: [A\n"})
    assert index.rows("SELECT source, target, relation FROM link") == [("T-001", "FEAT-001", "belongs-to")]
    index.apply([Remove(TASK)])
    assert index.rows("SELECT * FROM link") == []


def test_a_file_that_is_gone_is_not_found(index: Index) -> None:
    index.fill({"a.txt": "apples", "b.txt": "apples"})
    index.apply([Remove("a.txt"), Remove("never.txt")])
    assert index.found("apples") == ["b.txt"]
    assert index.rows("SELECT path FROM file") == [("b.txt",)]


def test_what_is_known_of_a_file_is_kept(index: Index) -> None:
    left_out = replace(put("big.bin", ""), file=replace(file_of("big.bin", ""), status="tooLarge"))
    index.apply([put("a.txt", "apples"), left_out])
    touched = replace(file_of("a.txt", "apples"), mtime_ns=5)
    index.apply([Touch(touched)])
    assert index.run(partial(index_module.find, path="a.txt")) == touched
    assert index.run(partial(index_module.find, path="big.bin")) == left_out.file
    assert index.run(partial(index_module.find, path="never.txt")) is None
    statistics = index.run(index_module.statistics)
    assert (statistics.files, statistics.left_out, statistics.chunks) == (1, {"tooLarge": 1}, 1)


def test_batches_are_small_and_asked_for_one_by_one(index: Index) -> None:
    assert sum(index.apply(put(f"{n}.txt", f"word{n}") for n in range(1200))) == 1200
    (count,) = index.rows("SELECT count(*) FROM file")
    assert count == (1200,)
    batches = index.apply(put(f"{n}.txt", f"word{n}") for n in range(600))
    assert max(batches) <= 500
    assert len(batches) >= 2
    assert index.apply([]) == []


def test_a_change_that_fails_takes_its_batch_back_and_no_other(index: Index) -> None:
    def changes() -> Iterator[Change]:
        yield put("a.txt", "apples")
        raise LookupError

    with pytest.raises(LookupError):
        index.apply(changes())
    index.check()
    assert index.found("apples") == []


def test_what_is_to_be_read_again_is_found_until_then(index: Index) -> None:
    index.fill({"a.txt": "apples"})
    index.embed("model", lambda _: [1.0, 2.0])
    index.run(index_module.forget)
    index.check()
    assert index.found("apples") == ["a.txt"]
    index.fill({"a.txt": "apples"})
    assert index.embed("model", lambda _: [1.0, 2.0]) == 0
    assert index.found("apples") == ["a.txt"]


@pytest.mark.parametrize("batches", [1, 2, 4, 7])
def test_who_is_killed_leaves_what_was_safe(tmp_path: Path, batches: int) -> None:
    path = tmp_path / "index.sqlite3"
    command = [sys.executable, "-m", "tests.interrupted_indexing", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stdout is not None
        written = sum(int(process.stdout.readline()) for _ in range(batches))
    finally:
        process.kill()
        process.communicate(timeout=30)
    index = Index(path)
    index.check()
    (count,) = index.rows("SELECT count(*) FROM file")[0]
    assert min(written, 700) <= count <= 700
    index.fill({"docs/0.md": "# Still writable\n"})
    assert index.found("writable") == ["docs/0.md#still-writable"]
