"""The transcripts are recordings: each is replayed against the program under test."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sidecar import ROOT, WAIT_SECONDS

FOLDER = ROOT / "tests" / "transcripts"
TRANSCRIPTS = sorted(FOLDER.rglob("*.jsonl"))
"""Those in a folder were recorded in a copy of the repository in `tests/repositories/` that has its name."""


def replay(command: list[str], environment: dict[str, str], path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "replay", str(path)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=3 * WAIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_replays(command: list[str], environment: dict[str, str], path: Path, tmp_path: Path) -> None:
    if path.parent != FOLDER:
        repository = shutil.copytree(ROOT / "tests" / "repositories" / path.parent.name, tmp_path / path.parent.name)
        environment = {**environment, "CKSERVICE_REPO_PATH": str(repository)}
    result = replay(command, environment, path)
    assert (result.returncode, result.stdout) == (0, f"{path}: no difference\n"), result.stdout + result.stderr


def test_every_product_method_has_a_transcript() -> None:
    methods = set(json.loads((ROOT / "schemas" / "meta.json").read_text(encoding="utf-8"))["methods"])
    asked = {
        entry["in"]["method"]
        for path in TRANSCRIPTS
        for entry in map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if isinstance(entry.get("in"), dict) and "method" in entry["in"]
    }
    assert methods <= asked


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("Hello", "Goodbye", 1), "Goodbye"),
        (lambda text: text.replace('"finishReason": "length"', '"finishReason": "stop"'), "finishReason"),
        (lambda text: "\n".join(line for line in text.splitlines() if '"out"' not in line), "was not in the recording"),
        (
            lambda text: text.replace('"method": "model/list"', '"method": "no/such"'),
            "/result is only in the recording",
        ),
    ],
    ids=["other question", "other result", "answers missing", "other method"],
)
def test_a_changed_transcript_differs(
    command: list[str], environment: dict[str, str], tmp_path: Path, change: object, told: str
) -> None:
    original = (ROOT / "tests" / "transcripts" / "chat.jsonl").read_text(encoding="utf-8")
    changed = tmp_path / "changed.jsonl"
    assert callable(change)
    changed.write_text(change(original), encoding="utf-8")
    result = replay(command, environment, changed)
    assert result.returncode == 1
    assert told in result.stdout


def test_what_is_no_recording_is_refused(command: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    for text in ("nonsense", "{}", '{"in": 1, "out": 2}', "[]"):
        path = tmp_path / "recording.jsonl"
        path.write_text(text, encoding="utf-8")
        result = replay(command, environment, path)
        assert result.returncode == 2
        assert "is not a recording" in result.stderr
        assert "Traceback" not in result.stderr
    assert replay(command, environment, tmp_path / "missing.jsonl").returncode == 2
