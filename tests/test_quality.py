"""Lint, types and import rules are tests like any other: one command says whether the tree is good."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ckservice.methods_page import method_table
from ckservice.schema import bundle
from tests.sidecar import ROOT

pytestmark = pytest.mark.source

SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "arguments",
    [
        [sys.executable, "-m", "ruff", "check", "."],
        [sys.executable, "-m", "ruff", "format", "--check", "."],
        [sys.executable, "-m", "mypy"],
        [str(SCRIPTS / "lint-imports")],
    ],
    ids=["lint", "format", "types", "imports"],
)
def test_the_tree_passes(arguments: list[str]) -> None:
    result = subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=290, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_method_table_of_the_readme_is_the_generated_one() -> None:
    assert method_table(bundle()) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("folder", ["ckservice", "tests"])
def test_files_are_short(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 320
    }
    assert not long
