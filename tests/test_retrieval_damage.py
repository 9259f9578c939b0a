"""An index whose file is damaged, foreign, full, not to be written: what can be found is found, the rest is made again."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.indexed_repository import LONG_AGO, IndexedRepository
from tests.meaning import Embedding, asked_texts
from tests.providers.server import Script, Server
from tests.sidecar import WAIT_SECONDS, Sidecar

Start = Callable[..., Sidecar]
Serve = Callable[[Script], Server]

MOVED = "a damaged file was moved aside"
NOT_UPDATED = "the index could not be brought up to date"


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> IndexedRepository:
    """120 files."""
    repository = IndexedRepository(tmp_path / "repository", environment["CKSERVICE_DATA_DIR"])
    repository.write_many(120)
    return repository


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(Embedding())


def embed(sidecar: Sidecar, server: Server) -> None:
    config = {"provider": "ollama", "endpoint": server.url, "model": "embedder"}
    assert "error" not in sidecar.call("settings/update", {"embedding": config})


def warnings(sidecar: Sidecar) -> list[str]:
    refusal = sidecar.call("no/such")
    sidecar.wait_for_log(refusal["data"]["errorId"])  # whatever was to be logged before has been
    return [record["message"] for record in sidecar.records() if record["level"] in ("warning", "error", "critical")]


def overwrite(file: Path, first: int, pages: int | None = None) -> None:
    """Fill pages with zeros, from one to the last one, or so many."""
    with file.open("r+b") as opened:
        count = pages if pages is not None else file.stat().st_size // 4096 - first
        opened.seek(first * 4096)
        opened.write(bytes(count * 4096))


def make_rubbish(file: Path) -> None:
    file.write_bytes(b"rubbish " * 10_000)


def cut_in_half(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def zero_the_middle(file: Path) -> None:
    overwrite(file, 4, file.stat().st_size // 4096 // 2)


def zero_all_but_the_first(file: Path) -> None:
    overwrite(file, 1)


def make_foreign(file: Path) -> None:
    file.unlink()
    execute(file, "CREATE TABLE file (id INTEGER)")


def make_older(file: Path) -> None:
    execute(file, "PRAGMA user_version = 0")


def drop_a_table(file: Path) -> None:
    execute(file, "DROP TABLE chunk")


def lose_words(file: Path) -> None:
    """So that only the search notices: a table of its own kind is damaged."""
    execute(file, "DELETE FROM fts_data WHERE id > 10")


def execute(file: Path, sql: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(sql)


@pytest.mark.parametrize(
    ("damage", "saves"),
    [
        (make_rubbish, False),
        (cut_in_half, None),
        (zero_the_middle, None),
        (zero_all_but_the_first, False),
        (make_foreign, False),
        (make_older, True),
        (drop_a_table, True),
        (lose_words, True),
    ],
)
def test_a_damaged_index_is_made_again(
    start: Start, server: Server, repository: IndexedRepository, damage: Callable[[Path], None], saves: bool | None
) -> None:
    with start() as sidecar:
        embed(sidecar, server)
        assert repository.update(sidecar) == (120, 0, 0, 0)
        assert sidecar.end() == 0
    execute(repository.file, "PRAGMA wal_checkpoint(TRUNCATE)")
    damage(repository.file)
    repository.write("new.md", "# Persimmon\n")
    asked = len(asked_texts(server))
    sidecar = start()
    embed(sidecar, server)
    for query, expected in (("persimmon", "new.md"), ("number99", "notes/n99.md"), ("number3", "notes/n3.md")):
        result = repository.search(sidecar, query, topK=1, mode="lexical")
        assert "sources" in result, (result, sidecar.log)
        result = repository.search(sidecar, query, topK=1, mode="lexical") if result["stale"] else result
        assert [source["filePath"] for source in result["sources"]] == [expected]
    assert warnings(sidecar) == [MOVED]
    added, _, _, unchanged = repository.update(sidecar)
    assert added + unchanged == 121
    assert repository.rows("SELECT count(*) FROM embedding JOIN signs ON embedding = embedding.id") == [(121,)]
    if saves is not None:
        assert len(asked_texts(server)) - asked == (1 if saves else 121)
    repository.check()
    assert list(repository.folder.glob("*.corrupt"))
    assert sidecar.call("rag/clear", repository.place)["cleared"] is True
    assert list(repository.folder.glob("*.corrupt*")) == []


def test_an_index_that_is_damaged_while_it_is_used(start: Start, repository: IndexedRepository) -> None:
    sidecars = [start(), start()]
    for sidecar in sidecars:
        assert repository.found(sidecar, "number7", topK=1) == ["notes/n7.md"]
    for ending in ("", "-wal"):
        path = repository.file.with_name(repository.file.name + ending)
        with path.open("r+b") as opened:
            opened.write(b"\xff" * path.stat().st_size)
    repository.write_many(120, "now", at=LONG_AGO + 1)
    for sidecar in sidecars:
        for number in range(3):
            repository.search(sidecar, f"now number{number}")
            sidecar.assert_alive()
    for sidecar in sidecars:
        repository.update(sidecar)
        assert repository.found(sidecar, "now number7", topK=1) == ["notes/n7.md"]
        assert repository.rows("SELECT count(*) FROM chunk WHERE body LIKE 'now number%'") == [(120,)]
        assert len(warnings(sidecar)) <= 2
    repository.check()


def test_an_index_that_is_damaged_while_it_is_made(start: Start, repository: IndexedRepository) -> None:
    repository.write_many(1200)
    sidecar = start()
    sidecar.request("index", "rag/index", repository.place)
    sidecar.wait_for(lambda message: message.get("params", {}).get("phase") == "indexing")
    for ending in ("-wal", ""):
        path = repository.file.with_name(repository.file.name + ending)
        with path.open("r+b") as opened:
            opened.write(b"\xff" * path.stat().st_size)
    response = sidecar.response("index")
    assert response.get("result", {}).get("chunks", 1200) == 1200
    repository.update(sidecar)
    assert repository.found(sidecar, "number1199", topK=1) == ["notes/n1199.md"]
    assert repository.status(sidecar)["files"] == 1200
    repository.check()


def test_without_its_log_an_index_is_completed(start: Start, repository: IndexedRepository) -> None:
    with start() as sidecar:
        repository.update(sidecar)
        execute(repository.file, "PRAGMA wal_checkpoint(TRUNCATE)")
        repository.write_many(200, "later", at=LONG_AGO + 1)
        repository.update(sidecar)
        sidecar.process.kill()
        sidecar.exit_code()
    repository.file.with_name(repository.file.name + "-wal").unlink()
    sidecar = start()
    assert sum(repository.update(sidecar)) == 200
    assert repository.rows("SELECT count(*) FROM chunk WHERE body LIKE 'later%'") == [(200,)]
    repository.check()


# What can't be written


def in_own_mounts(prepare: str) -> list[str]:
    """Run a program behind a shell command that may mount things which only they see."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c", prepare + ' && exec "$@"', "sh"]
    if subprocess.run([*shell, "true"], capture_output=True, timeout=WAIT_SECONDS, check=False).returncode:
        pytest.skip("this user may not mount anything")
    return shell


def read_only(folder: Path) -> list[str]:
    return in_own_mounts(f"mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}'")


def test_what_can_only_be_read_is_read(start: Start, repository: IndexedRepository) -> None:
    with start() as sidecar:
        repository.update(sidecar)
        assert sidecar.end() == 0
    with closing(sqlite3.connect(repository.file)) as connection:
        connection.execute("SELECT count(*) FROM file")  # who closes it last leaves nothing beside it
        with connection:
            connection.execute("UPDATE meta SET value = '2024' || substr(value, 5) WHERE key = 'indexed_at'")
    assert [path.name for path in repository.folder.iterdir()] == [repository.file.name]
    sidecar = start(through=read_only(repository.folder))
    assert repository.found(sidecar, "number7", topK=1) == ["notes/n7.md"]
    assert repository.status(sidecar)["stale"] is False
    repository.write("new.md", "# Persimmon\n")
    for _ in range(2):
        result = repository.search(sidecar, "number7", topK=1)
        assert ([source["filePath"] for source in result["sources"]], result["stale"]) == (["notes/n7.md"], True)
    error = sidecar.call("rag/index", repository.place)
    assert (error["data"]["kind"], error["message"]) == (
        "storageFailed",
        f"{repository.file.name} can't be used: it can't be written.",
    )
    assert warnings(sidecar) == [NOT_UPDATED]


def test_where_nothing_can_be_written_there_is_no_index(start: Start, repository: IndexedRepository) -> None:
    repository.folder.mkdir(parents=True)
    sidecar = start(through=read_only(repository.folder))
    for method, params in (("rag/search", {"query": "number7"}), ("rag/index", {})):
        assert sidecar.call(method, {**repository.place, **params})["data"]["kind"] == "storageFailed"
    assert repository.status(sidecar)["exists"] is False
    sidecar.assert_alive()


def test_a_full_disk(start: Start, repository: IndexedRepository) -> None:
    folder = repository.folder.parent
    folder.mkdir()
    sidecar = start(through=in_own_mounts(f"mount -t tmpfs -o size=250k tmpfs '{folder}'"))
    small = IndexedRepository(repository.root.with_name("small"), str(folder))
    small.write("a.md", "# Persimmon\n")
    assert small.found(sidecar, "persimmon") == ["a.md"]
    for _ in range(2):
        error = sidecar.call("rag/index", repository.place)
        assert (error["data"]["kind"], error["message"].split(": ")[1]) == ("storageFailed", "the disk is full.")
        assert sidecar.call("rag/search", {**repository.place, "query": "number7"})["data"]["kind"] == "storageFailed"
    assert small.found(sidecar, "persimmon") == ["a.md"]
    sidecar.call("rag/clear", repository.place)
    small.write("b.md", "# Persimmon\n")
    assert small.found(sidecar, "persimmon") == ["a.md", "b.md"]  # there is room again
    sidecar.assert_alive()


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_files_may_not_grow(start: Start, repository: IndexedRepository) -> None:
    sidecar = start(through=["prlimit", "--fsize=130000", "--"])
    error = sidecar.call("rag/index", repository.place)
    assert (error["data"]["kind"], error["message"].split(": ")[1]) == ("storageFailed", "the disk fails.")
    with start() as other:
        assert repository.update(other)[0] + repository.update(other)[3] >= 120
        assert other.end() == 0
    repository.write("new.md", "# Persimmon\n")
    assert [source["filePath"] for source in repository.search(sidecar, "number7", topK=1)["sources"]] == [
        "notes/n7.md"
    ]
