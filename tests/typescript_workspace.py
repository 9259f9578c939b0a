"""Generated files and type tests, laid out like this repository, and compiled: a plugin of the tests that do so.

A run of a compiler takes long however little it reads. So each run checks many trees, and all the tests share it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeAlias

import pytest

from ckservice.typescript import protocol_ts, zod_ts
from tests.sidecar import ROOT
from tests.typescript_contracts import EVERY_SHAPE, HASH, Json, bundle, grown_bundle

NODE = ROOT / "tests" / "node"
DATA = ROOT / "tests" / "data"
GENERATED = ROOT / "schemas" / "typescript"
COMPILERS = ("typescript", "typescript-latest")
# How the two kinds of consumer compile: Node itself, which then runs what comes out, and the bundler of an Electron app.
CONSUMERS = {
    "node": ("--noEmit", "false", "--declaration"),
    "bundler": ("--module", "esnext", "--moduleResolution", "bundler", "--verbatimModuleSyntax"),
}
COMPILE_SECONDS = 60

EXPECTATION = re.compile(r"^ *// @ts-expect-error ((?:TS\d+ ?)+): .*$")
BARE = "-without-expectations"

Tree: TypeAlias = dict[str, str]
"""The texts of files by their paths in the repository."""


@dataclass(frozen=True, order=True)
class Complaint:
    file: str
    line: int
    code: str
    message: str


class Workspace:
    """A folder of trees that compile in one run, as tests/node/tsconfig.json says."""

    def __init__(self, node: str, root: Path, trees: Mapping[str, Tree]) -> None:
        self.node = node
        self.trees = trees
        self._root = root
        self._runs: dict[tuple[str, str], dict[str, list[Complaint]]] = {}
        for tree, files in trees.items():
            for path, text in files.items():
                file = root / "trees" / tree / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
        options = {
            "rootDir": "trees",
            "typeRoots": [(NODE / "node_modules" / "@types").as_posix()],
        }
        config = {"extends": (NODE / "tsconfig.json").as_posix(), "compilerOptions": options, "include": ["trees"]}
        (root / "tsconfig.json").write_text(json.dumps(config), "utf-8")
        (root / "out").mkdir()
        (root / "out" / "package.json").write_text('{ "type": "module" }\n', "utf-8")
        (root / "out" / "node_modules").symlink_to(NODE / "node_modules", target_is_directory=True)

    def compile(self, compiler: str, consumer: str = "node") -> dict[str, list[Complaint]]:
        """What a compiler says about each tree; an empty list is success."""
        if (compiler, consumer) not in self._runs:
            complaints: dict[str, list[Complaint]] = {tree: [] for tree in self.trees}
            flags = ("--outDir", str(self.output(compiler)), *CONSUMERS[consumer])
            for path, complaint in run_compiler(self.node, self._root, compiler, *flags):
                complaints[path.split("/")[1]].append(complaint)
            self._runs[compiler, consumer] = complaints
        return self._runs[compiler, consumer]

    def output(self, compiler: str) -> Path:
        """Where the JavaScript and the declarations are when Node is the consumer."""
        return self._root / "out" / compiler


def run_compiler(node: str, folder: Path, compiler: str, *flags: str) -> list[tuple[str, Complaint]]:
    """What a compiler says about the project in `folder`, with the path of each file."""
    run = subprocess.run(
        [node, NODE / "node_modules" / compiler / "bin" / "tsc", "--project", folder, "--pretty", "false", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=COMPILE_SECONDS,
        check=False,
    )
    lines = [line for line in run.stdout.splitlines() if not line.startswith(" ")]
    found = [re.fullmatch(r"(\S+?)\((\d+),\d+\): error (TS\d+): (.*)", line) for line in lines]
    assert (run.returncode == 0) == (not lines), run.stdout + run.stderr
    complaints = [
        (match[1], Complaint(Path(match[1]).name, int(match[2]), match[3], match[4])) for match in found if match
    ]
    assert len(complaints) == len(lines), f"not about a file: {run.stdout}{run.stderr}"
    return sorted(complaints)


def repository() -> Tree:
    """What the repository has beside the files of any contract."""
    paths = ("schemas/typescript/package.json", "tests/node/package.json", "tests/data/any_contract.test-d.ts")
    return {path: (ROOT / path).read_text("utf-8") for path in paths}


def generated(contract: Json) -> Tree:
    return repository() | {
        "schemas/typescript/protocol.ts": protocol_ts(contract, HASH),
        "schemas/typescript/zod.ts": zod_ts(contract),
    }


def without_expectations(tree: Tree) -> Tree:
    """The tree in which each error that the type tests expect comes out, in the same line as before."""
    return {
        path: "\n".join("" if EXPECTATION.match(line) else line for line in text.split("\n"))
        for path, text in tree.items()
        if not path.endswith("/zod.ts")
    }


def unavailable(reason: str) -> NoReturn:
    """Skip here, but fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node_with_compilers() -> str:
    """The path of Node, with all that it needs."""
    executable = shutil.which("node")
    if executable is None:
        unavailable("node is not installed")
    missing = [name for name in (*COMPILERS, "zod") if not (NODE / "node_modules" / name / "package.json").exists()]
    if missing:
        unavailable(f"tests/node has no {', '.join(missing)}: run `npm ci` there")
    return executable


@pytest.fixture(scope="session")
def new_workspace(
    node_with_compilers: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, Tree]], Workspace]:
    return lambda trees: Workspace(node_with_compilers, tmp_path_factory.mktemp("typescript"), trees)


@pytest.fixture(scope="session")
def trees() -> dict[str, Tree]:
    """Contracts with their type tests; `real` has the files of the repository, as they are."""
    real_tests = {"tests/node/types.test-d.ts": (NODE / "types.test-d.ts").read_text("utf-8")}
    sample_tests = {"tests/data/every_shape.test-d.ts": (DATA / "every_shape.test-d.ts").read_text("utf-8")}
    sources = {f"schemas/typescript/{path.name}": path.read_text("utf-8") for path in GENERATED.glob("*.ts")}
    return {
        "real": repository() | sources | real_tests,
        "grown": generated(grown_bundle()) | real_tests,
        "sample": generated(EVERY_SHAPE) | sample_tests,
        "smallest": generated(bundle({})),
    }


@pytest.fixture(scope="session")
def workspace(new_workspace: Callable[[Mapping[str, Tree]], Workspace], trees: dict[str, Tree]) -> Workspace:
    """The trees, and each once more without its expectations."""
    return new_workspace(trees | {name + BARE: without_expectations(tree) for name, tree in trees.items()})


@pytest.fixture(params=[(compiler, consumer) for compiler in COMPILERS for consumer in CONSUMERS], ids="-".join)
def compiled(request: pytest.FixtureRequest, workspace: Workspace) -> dict[str, list[Complaint]]:
    """What each compiler says about each tree, for each kind of consumer."""
    return workspace.compile(*request.param)


@pytest.fixture(scope="session")
def expectations(trees: dict[str, Tree]) -> dict[str, dict[tuple[str, int], list[str]]]:
    """The codes of the errors that type tests expect, by file and line: one, or two where the compilers disagree."""
    return {
        name: {
            (path.rpartition("/")[2], number + 1): match[1].split()
            for path, text in tree.items()
            for number, line in enumerate(text.split("\n"), start=1)
            if (match := EXPECTATION.match(line))
        }
        for name, tree in trees.items()
    }


@pytest.fixture
def in_place(node_with_compilers: str) -> list[Complaint]:
    """What a compiler says about the repository itself."""
    return [complaint for _, complaint in run_compiler(node_with_compilers, NODE, "typescript-latest")]
