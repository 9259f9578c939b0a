"""A machine that sleeps while an answer is on its way: its connections are lost, and nothing says so."""

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tests.providers.ollama import ask, last, lines, piece
from tests.sidecar import WAIT_SECONDS, Sidecar

DAY_MS = 86_400_000

FAST = 20
"""How many times faster than ours the clocks of the process run: a minute is three seconds."""


def own_address() -> str:
    """The address of this machine in its network; nothing is sent to find it out."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address for documentation
        address = str(probe.getsockname()[0])
        if not address.startswith(("127.", "0.")):
            return address
    pytest.skip("this machine is in no network")


class SayingNoMore:
    """A server that says one thing on each connection, and then nothing until the client has gone."""

    def __init__(self, address: str, *answers: bytes) -> None:
        self.has_said = threading.Semaphore(0)
        self._answers = answers
        self._listener = socket.create_server((address, 0))
        self._listener.settimeout(WAIT_SECONDS)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"http://{address}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(WAIT_SECONDS)
        self._listener.close()
        assert not self._thread.is_alive(), "a connection is still open"

    def _serve(self) -> None:
        for answer in self._answers:
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + answer)
                    self.has_said.release()
                    while connection.recv(65536):
                        pass


class Clock:
    """The clock of a process, which runs fast and can be set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)
        library = subprocess.check_output(["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"], text=True).strip()
        self.env = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}

    def set(self, seconds: int) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"+{seconds} x{FAST}\n")
        draft.replace(self._file)


@pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")
def test_a_connection_that_was_lost_in_a_sleep_is_noticed(start: Callable[..., Sidecar], tmp_path: Path) -> None:
    address, clock = own_address(), Clock(tmp_path / "clock")
    sidecar = start(env={**clock.env, "NO_PROXY": "*", "no_proxy": "*"})
    limits = {"firstTokenTimeoutMs": DAY_MS, "idleTimeoutMs": DAY_MS, "maxAttempts": 2}
    sidecar.call("settings/update", {"limits": limits})

    with SayingNoMore(address, lines(piece("Hel"))) as server:
        sidecar.request(1, "chat/complete", ask(server.url))
        sidecar.wait_for(lambda message: message.get("method") == "stream/token")
        clock.set(60)
        data = sidecar.response(1)["error"]["data"]
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")
    assert "slept" in sidecar.wait_for_log("slept")

    with SayingNoMore(address, b"\n", lines(piece("Hello"), last())) as server:
        sidecar.request(2, "chat/complete", ask(server.url))
        assert server.has_said.acquire(timeout=WAIT_SECONDS)
        for _ in range(5):
            sidecar.call("health/check")  # goes through the event loop, behind what the server has sent
        clock.set(120)
        result = sidecar.response(2)["result"]
    assert (result["content"], result["attempts"]) == ("Hello", 2)
