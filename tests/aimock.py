"""aimock, a server for the dialects of all providers that others have written: https://aimock.copilotkit.dev."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, NoReturn
from urllib.request import urlopen

import pytest

from tests.sidecar import ROOT, WAIT_SECONDS

NODE = ROOT / "tests" / "node"


@dataclass(frozen=True)
class Mock:
    """aimock, as it runs."""

    url: str

    def asked(self) -> dict[str, Any]:
        """What it was asked at last, in its own words, which are the same for all dialects."""
        with urlopen(f"{self.url}/__aimock/journal", timeout=WAIT_SECONDS) as answer:
            body: dict[str, Any] = json.load(answer)[-1]["body"]
        return body


def unavailable(reason: str) -> NoReturn:
    """It is there wherever the whole suite has to run; elsewhere it may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def serving(fixtures: list[dict[str, Any]], folder: Path) -> Iterator[Mock]:
    """Run aimock with fixtures, https://aimock.copilotkit.dev/fixtures; skips where it is missing."""
    node = shutil.which("node")
    if node is None:
        unavailable("node is not installed")
    if not (NODE / "node_modules/@copilotkit/aimock/package.json").exists():
        unavailable("tests/node has no @copilotkit/aimock: run `npm ci` there")
    path = folder / "fixtures.json"
    path.write_text(json.dumps(fixtures), encoding="utf-8")
    process = subprocess.Popen(
        [node, NODE / "aimock.mjs", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=NODE
    )
    startup = Timer(WAIT_SECONDS, process.kill)
    startup.start()
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            startup.cancel()
            yield Mock(**json.loads(told))
            process.stdin.close()
            process.wait(WAIT_SECONDS)
        finally:
            startup.cancel()
            process.kill()
