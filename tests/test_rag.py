"""`rag/*` as a whole: what is not there, what makes no sense, and how it looks at a terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar

METHODS: dict[str, dict[str, Any]] = {
    "rag/index": {},
    "rag/search": {"query": "watering"},
    "rag/similar": {"entityId": "FEAT-001"},
    "rag/query": {"query": "who waters the plots?"},
    "rag/status": {},
    "rag/clear": {},
}

EMPTY = {"added": 0, "updated": 0, "removed": 0, "unchanged": 0, "chunks": 0, "embedded": 0}


@pytest.mark.parametrize("method", METHODS)
def test_without_a_repository_it_says_so(sidecar: Sidecar, tmp_path: Path, method: str) -> None:
    for place in ({}, {"repoPath": str(tmp_path / "missing")}, {"repoPath": "relative"}):
        assert sidecar.call(method, {**METHODS[method], **place})["data"]["kind"] == "repositoryNotFound"


def test_an_empty_repository_is_searched_like_any_other(sidecar: Sidecar, tmp_path: Path) -> None:
    place = {"repoPath": str(tmp_path)}
    status = sidecar.call("rag/status", place)
    assert (status["exists"], status["files"], status["chunks"], status["leftOut"]) == (False, 0, 0, {})
    assert sidecar.call("rag/index", place).items() >= EMPTY.items()
    found = sidecar.call("rag/search", {"query": "watering", **place})
    assert (found["sources"], found["stale"], found["mode"]) == ([], False, "lexical")
    answered = sidecar.call("rag/query", {"query": "Who waters the plots?", **place})
    assert (answered["answered"], answered["sources"], answered["citations"]) == (False, [], [])
    assert answered["answer"]
    assert sidecar.call("rag/status", place)["exists"] is True
    assert sidecar.call("rag/clear", place)["cleared"] is True
    assert sidecar.call("rag/clear", place)["cleared"] is False


@pytest.mark.parametrize(
    ("method", "params", "path"),
    [
        ("rag/search", {"query": ""}, "query"),
        ("rag/search", {"query": "x" * 10_001}, "query"),
        ("rag/search", {"query": "x", "topK": 0}, "topK"),
        ("rag/search", {"query": "x", "topK": 101}, "topK"),
        ("rag/search", {"query": "x", "minScore": 1.1}, "minScore"),
        ("rag/search", {"query": "x", "mode": "magic"}, "mode"),
        ("rag/search", {"query": "x", "entityTypes": ["plot"]}, "entityTypes[0]"),
        ("rag/search", {"query": "x", "pathprefix": "docs/"}, "pathprefix"),
        ("rag/similar", {"entityId": ""}, "entityId"),
        ("rag/query", {}, "query"),
        ("rag/index", {"embed": "sometimes"}, "embed"),
    ],
)
def test_params_that_make_no_sense_are_refused(
    sidecar: Sidecar, tmp_path: Path, method: str, params: dict[str, Any], path: str
) -> None:
    data = sidecar.call(method, {"repoPath": str(tmp_path), **params})["data"]
    assert data["kind"] == "invalidParams"
    assert data["errors"][0]["path"].startswith(path)


def test_what_is_like_an_entity_that_is_not_there_is_told(sidecar: Sidecar, tmp_path: Path) -> None:
    error = sidecar.call("rag/similar", {"repoPath": str(tmp_path), "entityId": "FEAT-001"})
    assert error["data"]["kind"] == "entityNotFound"


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is made with pty, which is POSIX only")
def test_a_terminal_shows_how_far_it_is_and_leaves_nothing_of_that(
    command: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "plots.md").write_text("# Plots\n\nThere are forty plots.\n", encoding="utf-8")
    controller, terminal = os.openpty()
    done = subprocess.run(
        [*command, "call", "rag/index", json.dumps({"repoPath": str(tmp_path)})],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=environment,
        cwd=ROOT,
        timeout=WAIT_SECONDS,
        check=True,
    )
    os.close(terminal)
    shown = os.read(controller, 65536).decode("utf-8").split("\r")
    os.close(controller)
    assert json.loads(done.stdout)["added"] == 1
    assert any(line.endswith("1 of 1") for line in shown)
    assert shown[-2].strip() == shown[-1] == ""


def shown(command: list[str], environment: dict[str, str]) -> list[str]:
    """The lines that a program writes to a terminal."""
    controller, terminal = os.openpty()
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=ROOT,
        timeout=WAIT_SECONDS,
        check=True,
    )
    os.close(terminal)
    lines = os.read(controller, 65536).decode("utf-8").splitlines()
    os.close(controller)
    return lines


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is made with pty, which is POSIX only")
def test_a_search_at_a_terminal_lists_places_and_obeys_nothing_in_them(
    command: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    text = f"# Plots\n\nThere are \x1b[31m forty plots.\n{'The garden has been here for a hundred years. ' * 9}\n"
    (tmp_path / "plots.md").write_text(text, encoding="utf-8")
    search = [*command, "call", "rag/search", json.dumps({"repoPath": str(tmp_path), "query": "forty plots"})]
    first, *excerpt = shown(search, environment)
    assert first.endswith("  plots.md:1-4")
    assert "There are  [31m forty plots." in "".join(excerpt)
    assert "\x1b" not in first + "".join(excerpt)
    assert shown([*search[:-1], json.dumps({"repoPath": str(tmp_path), "query": "zeppelin"})], environment) == [
        "Nothing was found."
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is made with pty, which is POSIX only")
def test_an_answer_at_a_terminal_is_followed_by_what_it_cites(
    command: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "plots.md").write_text("# Plots\n\nThere are forty plots.\n", encoding="utf-8")
    params = {"repoPath": str(tmp_path), "query": "How many plots are there?"}
    *answer, sources = shown([*command, "call", "rag/query", json.dumps(params)], environment)
    assert any("forty plots" in line and "[1]" in line for line in answer)
    assert sources == "[1] plots.md:1-3  Plots"
