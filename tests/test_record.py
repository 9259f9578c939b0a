"""`--record FILE`: both directions, with times, without secrets."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_both_directions_are_recorded_with_times(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    sidecar = start("--record", str(path))
    sidecar.initialize()
    sidecar.call("chat/complete", {"messages": [{"role": "user", "content": "Hello"}]}, request_id=7)
    assert sidecar.end() == 0
    recorded = entries(path)
    assert [entry["in"]["method"] for entry in recorded if "in" in entry] == ["initialize", "chat/complete"]
    [initialized, text, usage, answer] = [entry["out"] for entry in recorded if "out" in entry]
    assert [initialized, usage, answer] == [sidecar.messages[0], *sidecar.messages[-2:]]
    assert text["params"]["token"] == answer["result"]["content"]
    times = [entry["ms"] for entry in recorded]
    assert times == sorted(times)


def test_lines_that_are_no_json_are_recorded_as_they_were(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    sidecar = start("--record", str(path))
    lines: list[bytes] = [b"nonsense", b"\xff\x00", b'"text"', b"[NaN]"]
    for line in lines:
        sidecar.write(line + b"\n")
    assert sidecar.end() == 0
    recorded = [entry["in"] for entry in entries(path) if "in" in entry]
    assert recorded == ["nonsense", {"base64": base64.b64encode(lines[1]).decode()}, '"text"', "[NaN]"]


def test_a_line_over_the_limit_is_recorded_by_its_beginning_and_replays(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    sidecar = start("--record", str(path))
    sidecar.call("settings/update", {"limits": {"maxLineBytes": 10_000}}, request_id=1)
    sidecar.write(b'{"jsonrpc":"2.0","id":2,"method":"ping","params":{"x":"' + b"x" * 20_000 + b'"}}\n')
    assert sidecar.response(2)["error"]["data"]["kind"] == "messageTooLarge"
    assert sidecar.end() == 0
    [entry] = [entry for entry in entries(path) if "bytes" in entry]
    assert len(entry["in"]) == 4096
    assert entry["bytes"] > 20_000
    replayed = start("replay", str(path), read=False)
    assert replayed.exit_code() == 0, replayed.log


def test_secrets_are_redacted_wherever_they_come_up(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    sidecar = start("--record", str(path))
    config = {"provider": "offline", "apiKey": "canary-key-123456", "headers": {"X-Gateway": "canary-header-123456"}}
    sidecar.call("settings/update", {"config": config})
    question = "canary-key-123456 and canary-header-123456 and sk-canary0123456789abcdef and Bearer canary.token-1234"
    question += " and http://user:canary-password@proxy.example:8080/"
    answer = sidecar.call("chat/complete", {"messages": [{"role": "user", "content": question}]})
    assert "canary-key" in answer["content"]  # the wire itself is not touched
    assert sidecar.end() == 0
    assert "canary" not in path.read_text(encoding="utf-8")


def test_a_recording_that_cannot_be_written_is_told_at_the_start(start: Start, tmp_path: Path) -> None:
    sidecar = start("--record", str(tmp_path / "missing" / "session.jsonl"))
    assert sidecar.exit_code() == 10
    assert "can't be written" in json.loads(sidecar.wait_for_log('"code"'))["reason"]


@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no permission bits")
def test_a_recording_is_for_its_owner_only(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    sidecar = start("--record", str(path))
    sidecar.call("ping")
    assert sidecar.end() == 0
    assert path.stat().st_mode & 0o777 == 0o600
