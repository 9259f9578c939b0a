"""The file of the response cache when things go wrong: it is shared, killed, damaged, locked, full. Answers go on."""

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.caching import frozen, is_cached, opened
from tests.providers.ollama import answering, last, piece
from tests.providers.server import Script, Server
from tests.sidecar import WAIT_SECONDS, Sidecar, wait_until

Start = Callable[..., Sidecar]
Serve = Callable[[Script], Server]

PASSED_OVER = "the response cache is passed over"
MOVED = "a damaged file was moved aside"


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(answering(piece("Hel"), piece("lo"), last()))


@pytest.fixture
def long(serve: Serve) -> Server:
    """A server whose answers take 20 kB."""
    return serve(answering(piece("x" * 20_000), last()))


@pytest.fixture(autouse=True)
def file(environment: dict[str, str]) -> Path:
    folder = Path(environment["CKSERVICE_DATA_DIR"])
    folder.mkdir()
    return folder / "cache.sqlite3"


def warnings(sidecar: Sidecar) -> list[tuple[str, str | None]]:
    """The message and the reason of each warning so far."""
    refusal = sidecar.call("no/such")
    sidecar.wait_for_log(refusal["data"]["errorId"])  # whatever was to be logged before has been
    return [
        (record["message"], record.get("reason"))
        for record in sidecar.records()
        if record["level"] in ("warning", "error", "critical")
    ]


def ask_new(sidecar: Sidecar, server: Server, count: int, name: str = "new") -> None:
    for number in range(count):
        assert not is_cached(sidecar, frozen(server, f"{name} {number}"))


# Shared


def test_processes_share_answers_from_the_first_moment(start: Start, server: Server) -> None:
    sidecars = [start() for _ in range(4)]
    for round_number in range(5):
        for number, sidecar in enumerate(sidecars):
            sidecar.request(round_number, "chat/complete", frozen(server, f"{round_number} {number}"))
    for sidecar in sidecars:
        assert [sidecar.response(number)["result"]["cached"] for number in range(5)] == [False] * 5
    for sidecar in sidecars:
        assert all(is_cached(sidecar, frozen(server, f"{at} {number}")) for at in range(5) for number in range(4))
        assert warnings(sidecar) == []
    assert len(server.requests) == 20
    assert sidecars[0].call("cache/clear") == {"removed": 20}
    assert not is_cached(sidecars[1], frozen(server, "0 0"))


def test_a_process_that_is_killed_leaves_a_readable_file(start: Start, long: Server, file: Path) -> None:
    acknowledged: set[str] = set()
    for attempt in range(4):
        with start() as sidecar:
            texts = [f"{attempt} {number}" for number in range(30)]
            for text in texts:
                sidecar.request(text, "chat/complete", frozen(long, text, stream=False))
            sidecar.response(random.choice(texts))
            sidecar.process.kill()
            sidecar.exit_code()
            acknowledged |= {message["id"] for message in sidecar.messages if "result" in message}
        with opened(file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sidecar = start()
    assert len(acknowledged) > 5
    assert all(is_cached(sidecar, frozen(long, text)) for text in acknowledged)
    assert warnings(sidecar) == []


# Damaged


def make_rubbish(file: Path) -> None:
    file.write_bytes(b"rubbish " * 10_000)


def cut_in_half(file: Path) -> None:
    with file.open("r+b") as opened_file:
        opened_file.truncate(file.stat().st_size // 2)


def overwrite_pages(file: Path) -> None:
    with file.open("r+b") as opened_file:
        opened_file.seek(4096)
        opened_file.write(b"\xff" * (file.stat().st_size - 4096))


def make_foreign(file: Path) -> None:
    file.unlink()
    with opened(file) as connection:
        connection.execute("CREATE TABLE answers (question TEXT)")


def make_newer(file: Path) -> None:
    with opened(file) as connection:
        connection.execute("PRAGMA user_version = 99")


def drop_the_table(file: Path) -> None:
    with opened(file) as connection:
        connection.execute("DROP TABLE answers")


def test_a_damaged_file_is_moved_aside(start: Start, server: Server, file: Path) -> None:
    with start() as sidecar:
        ask_new(sidecar, server, 30)
        assert sidecar.end() == 0
    with opened(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = file.read_bytes()
    for damage in (make_rubbish, cut_in_half, overwrite_pages, make_foreign, make_newer, drop_the_table):
        file.write_bytes(sound)
        damage(file)
        damaged = file.read_bytes()
        with start() as sidecar:
            ask_new(sidecar, server, 3, "after")
            assert all(is_cached(sidecar, frozen(server, f"after {number}")) for number in range(3))
            assert warnings(sidecar) == [(MOVED, None)], damage.__name__
            assert file.with_name("cache.sqlite3.corrupt").read_bytes() == damaged
            assert sidecar.end() == 0
        for ending in ("-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)


def test_an_empty_file_is_as_good_as_none(start: Start, server: Server, file: Path) -> None:
    file.touch()
    sidecar = start()
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    assert warnings(sidecar) == []


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be written over there")
def test_a_file_that_is_damaged_while_it_is_open(start: Start, server: Server, file: Path) -> None:
    sidecars = [start(), start()]
    for sidecar in sidecars:
        ask_new(sidecar, server, 30, str(id(sidecar)))
    for path in (file, file.with_name(file.name + "-wal")):
        path.write_bytes(b"\xff" * path.stat().st_size)
    for sidecar in sidecars:
        for number in range(5):
            sidecar.call("chat/complete", frozen(server, f"damaged {number}"))
            sidecar.assert_alive()
    with start() as sidecar:
        assert is_cached(sidecar, frozen(server, "damaged 4"))
    for sidecar in sidecars:
        assert len(warnings(sidecar)) <= 1
        assert is_cached(sidecar, frozen(server, "damaged 4"))


# Unusable


def test_something_else_in_the_place_of_the_file(start: Start, server: Server, file: Path) -> None:
    file.mkdir()
    sidecar = start()
    for _ in range(3):
        assert not is_cached(sidecar, frozen(server))
    assert warnings(sidecar) == [(PASSED_OVER, "cache.sqlite3 can't be used: it can't be opened.")]
    for method in ("cache/stats", "cache/clear"):
        assert sidecar.call(method)["data"]["kind"] == "storageFailed"
    file.rmdir()
    assert sidecar.call("cache/stats")["entries"] == 0  # that it works again is noticed
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]


def test_while_another_process_writes_answers_are_read_only(start: Start, server: Server, file: Path) -> None:
    sidecar = start()
    assert not is_cached(sidecar, frozen(server))
    with opened(file) as connection:
        connection.execute("BEGIN IMMEDIATE")
        before = time.monotonic()
        for number in range(60):
            sidecar.request(number, "chat/complete", frozen(server, f"locked {number}"))
        assert [sidecar.response(number)["result"]["cached"] for number in range(60)] == [False] * 60
        ask_new(sidecar, server, 60, "locked")
        assert time.monotonic() - before < 8  # the first are held up, all together, and those after them not at all
        assert is_cached(sidecar, frozen(server))
        assert warnings(sidecar) == [(PASSED_OVER, "cache.sqlite3 can't be used: another process holds it.")]
    sidecar.call("cache/stats")
    assert [is_cached(sidecar, frozen(server, "locked 0")) for _ in range(2)] == [False, True]
    assert len(warnings(sidecar)) == 1


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_files_may_not_grow(start: Start, long: Server) -> None:
    sidecar = start(through=["prlimit", "--fsize=150000", "--"])
    ask_new(sidecar, long, 20)
    assert warnings(sidecar) == [(PASSED_OVER, "cache.sqlite3 can't be used: the disk fails.")]
    sidecar.call("cache/stats")
    assert is_cached(sidecar, frozen(long, "new 0"))


def in_own_mounts(prepare: str) -> list[str]:
    """Run a program behind a shell command that may mount things which only they see."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c", prepare + ' && exec "$@"', "sh"]
    if subprocess.run([*shell, "true"], capture_output=True, timeout=WAIT_SECONDS, check=False).returncode:
        pytest.skip("this user may not mount anything")
    return shell


def test_a_full_disk(start: Start, long: Server, file: Path) -> None:
    sidecar = start(through=in_own_mounts(f"mount -t tmpfs -o size=300k tmpfs '{file.parent}'"))
    ask_new(sidecar, long, 30)
    assert warnings(sidecar) == [(PASSED_OVER, "cache.sqlite3 can't be used: the disk is full.")]
    sidecar.call("cache/stats")
    assert is_cached(sidecar, frozen(long, "new 0"))
    assert not is_cached(sidecar, frozen(long, "new 29"))
    sidecar.assert_alive()


def test_a_file_that_can_only_be_read(start: Start, server: Server, file: Path) -> None:
    with start() as sidecar:
        ask_new(sidecar, server, 2)
        sidecar.end()
    wait_until(file.exists)
    sidecar = start(through=in_own_mounts(f"mount --bind '{file}' '{file}' && mount -o remount,bind,ro '{file}'"))
    ask_new(sidecar, server, 2, "read only")
    assert is_cached(sidecar, frozen(server, "new 0"))
    assert warnings(sidecar) == [(PASSED_OVER, "cache.sqlite3 can't be used: it can't be written.")]
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (2,)
    connection.close()
