"""The response cache on a Redis server, a real one: shared, protected, silent, gone. Answers go on."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.caching import frozen, is_cached
from tests.providers.ollama import answering, last, piece
from tests.providers.server import Script, Server, closed_port
from tests.sidecar import WAIT_SECONDS, Sidecar, wait_until

redis = pytest.importorskip("redis")

Start = Callable[..., Sidecar]

PASSED_OVER = "the response cache is passed over"


class RedisServer:
    """A redis-server that keeps nothing on disk, on a socket and, with a password, on a port; `url` leads to it."""

    def __init__(self, folder: str, password: str | None = None) -> None:
        port = closed_port() if password else 0
        self.url = f"redis://127.0.0.1:{port}" if port else f"unix://{folder}/socket"
        self.client: Any = redis.Redis(unix_socket_path=f"{folder}/socket", password=password)
        address = ["--unixsocket", f"{folder}/socket", "--bind", "127.0.0.1", "--port", str(port)]
        secret = ["--requirepass", password] if password else []
        self._command = ["redis-server", *address, "--save", "", "--dir", folder, *secret]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.exceptions.ConnectionError:
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_SECONDS)


@pytest.fixture
def run_redis() -> Iterator[Callable[..., RedisServer]]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with ExitStack() as stack:

        def run(password: str | None = None) -> RedisServer:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ck-"))  # a socket's path must be short
            server = RedisServer(folder, password)
            stack.callback(server.client.close)
            stack.callback(server.kill)
            server.start()
            return server

        yield run


@pytest.fixture
def shared(run_redis: Callable[..., RedisServer]) -> RedisServer:
    return run_redis()


@pytest.fixture
def server(serve: Callable[[Script], Server]) -> Server:
    return serve(answering(piece(thinking="Hm"), piece("Hel"), piece("lo"), last()))


def reasons(sidecar: Sidecar) -> list[str]:
    """Why the cache was passed over, and nothing else went wrong."""
    refusal = sidecar.call("no/such")
    sidecar.wait_for_log(refusal["data"]["errorId"])  # whatever was to be logged before has been
    bad = [record for record in sidecar.records() if record["level"] in ("warning", "error", "critical")]
    assert {record["message"] for record in bad} <= {PASSED_OVER}, bad
    return [record["reason"] for record in bad]


def test_processes_share_answers(
    start: Start, shared: RedisServer, server: Server, environment: dict[str, str]
) -> None:
    sidecars = [start(env={"CKSERVICE_CACHE_URL": shared.url}) for _ in range(2)]
    config = {"apiKey": "canary-api-key", "headers": {"X-Gate": "canary-header"}}
    first, second = (
        sidecar.call("chat/complete", frozen(server, "canary-question", config=config), 1) for sidecar in sidecars
    )
    assert (first["cached"], second["cached"], second["content"]) == (False, True, "Hello")
    told = [[message["params"].get("token") for message in sidecar.notifications(1)] for sidecar in sidecars]
    assert told[0] == told[1] == ["Hm", "Hel", "lo", None]
    assert len(server.requests) == 1
    (key,) = shared.client.keys()
    assert key.startswith(b"ckservice:1:")
    assert 3590 <= shared.client.ttl(key) <= 3600
    assert b"canary" not in key + shared.client.get(key)
    assert not Path(environment["CKSERVICE_DATA_DIR"], "cache.sqlite3").exists()
    assert [reasons(sidecar) for sidecar in sidecars] == [[], []]


def test_stats_and_clear_see_our_answers_only(start: Start, shared: RedisServer, server: Server) -> None:
    shared.client.mset({f"others:{number}": "x" for number in range(3000)})
    sidecar = start(env={"CKSERVICE_CACHE_URL": shared.url})
    sidecar.call("settings/update", {"cache": {"ttlSeconds": 7}})
    for number in range(5):
        assert not is_cached(sidecar, frozen(server, str(number)))
    assert {0 < shared.client.ttl(key) <= 7 for key in shared.client.keys("ckservice:*")} == {True}
    shared.client.mset({f"ckservice:1:{number}": "x" for number in range(3000)})
    stats = sidecar.call("cache/stats")
    assert 3005 + 5 * 100 < stats.pop("bytes") < 3000 + 5 * 2000
    assert stats == {"backend": "redis", "enabled": True, "entries": 3005, "hits": 0, "misses": 5, "ttlSeconds": 7}
    assert sidecar.call("cache/clear") == {"removed": 3005}
    assert shared.client.dbsize() == 3000


def test_the_place_can_be_changed_while_it_runs(start: Start, shared: RedisServer, server: Server) -> None:
    sidecar = start()
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    assert sidecar.call("settings/update", {"cache": {"url": shared.url}})["cache"]["url"] == shared.url
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    sidecar.call("settings/update", {"cache": {"url": None}})
    shared.client.flushall()
    assert is_cached(sidecar, frozen(server))
    assert sidecar.call("cache/stats")["backend"] == "sqlite"


def test_what_others_put_there_is_no_answer(start: Start, shared: RedisServer, server: Server) -> None:
    sidecar = start(env={"CKSERVICE_CACHE_URL": shared.url})
    assert not is_cached(sidecar, frozen(server))
    (key,) = shared.client.keys()
    for rubbish in (b"", b"\xff\x00", b"null", b"{}", b'{"answer": {}, "reasoning": "", "lengths": [1]}', b"[" * 9999):
        shared.client.set(key, rubbish)
        assert not is_cached(sidecar, frozen(server)), rubbish
        assert is_cached(sidecar, frozen(server))
    shared.client.delete(key)
    shared.client.lpush(key, "a list")
    assert not is_cached(sidecar, frozen(server))
    assert reasons(sidecar) == ["The Redis server can't be used: ResponseError."]


def test_a_server_that_dies_is_passed_over_until_it_is_back(start: Start, shared: RedisServer, server: Server) -> None:
    sidecar = start(env={"CKSERVICE_CACHE_URL": shared.url})
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    shared.kill()
    for number in range(20):
        sidecar.request(number, "chat/complete", frozen(server))
    assert [sidecar.response(number)["result"]["cached"] for number in range(20)] == [False] * 20
    assert reasons(sidecar) == ["The Redis server can't be used: ConnectionError."]
    assert sidecar.call("cache/stats")["data"]["kind"] == "storageFailed"
    assert sidecar.call("cache/clear")["data"]["kind"] == "storageFailed"
    shared.start()
    assert sidecar.call("cache/stats")["entries"] == 0
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    assert len(reasons(sidecar)) == 1


def test_a_server_that_is_restarted_between_answers_is_not_missed(
    start: Start, shared: RedisServer, server: Server
) -> None:
    sidecar = start(env={"CKSERVICE_CACHE_URL": shared.url})
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    shared.kill()
    shared.start()
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    assert reasons(sidecar) == []


def test_a_full_server_is_still_read(start: Start, shared: RedisServer, server: Server) -> None:
    sidecar = start(env={"CKSERVICE_CACHE_URL": shared.url})
    assert not is_cached(sidecar, frozen(server))
    shared.client.config_set("maxmemory", "1")
    for _ in range(3):
        assert not is_cached(sidecar, frozen(server, "new"))
        assert is_cached(sidecar, frozen(server))
    assert reasons(sidecar) == ["The Redis server can't be used: OutOfMemoryError."]


def test_a_password(start: Start, run_redis: Callable[..., RedisServer], server: Server) -> None:
    url = run_redis("canary-password").url
    sidecar = start(env={"CKSERVICE_CACHE_URL": url.replace("//", "//:canary-wrong-password@")})
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, False]
    assert reasons(sidecar) == ["The Redis server can't be used: AuthenticationError."]
    right = url.replace("//", "//:canary-password@")
    assert sidecar.call("settings/update", {"cache": {"url": right}})["cache"]["url"] == url
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    assert sidecar.call("cache/stats")["entries"] == 1
    assert not [line for line in sidecar.log if "canary" in line]
    assert b"canary-password" not in b"".join(sidecar.raw)


@contextmanager
def listening(greeting: bytes | None) -> Iterator[str]:
    """The URL of something that greets whoever connects and says no more, or hangs up at once."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    if greeting is None:
                        connections[-1].close()
                    else:
                        connections[-1].sendall(greeting)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(WAIT_SECONDS)
    for connection in connections:
        connection.close()


def test_something_that_is_no_redis_server(start: Start, server: Server) -> None:
    sidecar = start()
    sidecar.call("chat/complete", frozen(server, cache="off"))  # from here on only Redis is waited for
    greetings = (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$99999999999\r\nx", b"\xff" * 9999, None)
    for count, greeting in enumerate(greetings, 1):
        with listening(greeting) as url:
            sidecar.call("settings/update", {"cache": {"url": url}})
            before = time.monotonic()
            ids = [f"{count} {number}" for number in range(40)]
            for request_id in ids:
                sidecar.request(request_id, "chat/complete", frozen(server))
            assert [sidecar.response(request_id)["result"]["cached"] for request_id in ids] == [False] * 40
            for _ in range(30):
                assert not is_cached(sidecar, frozen(server))
            assert time.monotonic() - before < 10  # only the first are held up, for half a second and all together
            assert len(reasons(sidecar)) == count, greeting


def test_a_url_that_makes_no_sense(start: Start, server: Server) -> None:
    sidecar = start()
    urls = ["http://127.0.0.1", "rubbish", "redis://127.0.0.1:port", "redis://127.0.0.1/?db=x", "redis://[", ""]
    for count, url in enumerate(urls, 1):
        sidecar.call("settings/update", {"cache": {"url": url}})
        assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, False]
        expected = "The URL of the Redis server makes no sense; correct it in the settings."
        assert reasons(sidecar) == [expected] * count


@pytest.mark.source
def test_without_the_package_the_extra_is_named(start: Start, server: Server, tmp_path: Path) -> None:
    (tmp_path / "redis.py").write_text("raise ImportError", encoding="utf-8")
    sidecar = start(env={"CKSERVICE_CACHE_URL": "redis://127.0.0.1", "PYTHONPATH": str(tmp_path)})
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, False]
    assert reasons(sidecar) == ["The package redis is missing: pip install ckservice[redis]."]
    assert "ckservice[redis]" in sidecar.call("cache/stats")["message"]
