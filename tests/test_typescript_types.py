"""The generated types before the compilers: what they must accept, what they must refuse, and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # a plugin is pytest's to import
    from tests.typescript_workspace import Complaint, Tree, Workspace

pytest_plugins = ["tests.typescript_workspace"]
pytestmark = [pytest.mark.source, pytest.mark.node]

PROTOCOL = "schemas/typescript/protocol.ts"
TREES = ("real", "grown", "sample", "smallest")

WEAKENINGS = {
    "optional-param": ("real", r"  messages: ", "  messages?: "),
    "wide-param": ("real", r"  stream\?: boolean;", "  stream?: JsonValue;"),
    "any-result": ("real", r"result: CompleteResult }", "result: any }"),
    "wide-role": ("real", r"role: 'system'", "role: string | 'system'"),
    "undefined": ("real", r"  timeoutMs\?: number", "  timeoutMs?: number | undefined"),
    "wide-kind": ("real", r"export type ErrorKind =\s*\|?", "export type ErrorKind = (string & {}) |"),
    "open-calls": ("real", r"export interface Methods {", "export interface Methods {\n  [name: string]: any;"),
    "open-host-calls": (
        "sample",
        r"export interface HostMethods {",
        "export interface HostMethods {\n  [name: string]: any;",
    ),
    "any-host-result": ("sample", r"result: ApprovalResult }", "result: any }"),
    "wide-decision": ("sample", r"export type Decision =", "export type Decision = string |"),
    "wide-version": ("sample", r"  protocolVersion: 1;", "  protocolVersion: number;"),
    "lost-host-calls": ("smallest", r"type HostMethodName = keyof HostMethods", "type HostMethodName = string"),
}


@pytest.mark.parametrize("tree", TREES)
def test_a_contract_passes_its_type_tests(compiled: dict[str, list[Complaint]], tree: str) -> None:
    """The real one, and what it may grow into: more of everything, both ways, breaks no host that compiles today."""
    assert compiled[tree] == []


@pytest.mark.parametrize("tree", TREES)
def test_each_type_test_bites_for_its_own_reason(
    compiled: dict[str, list[Complaint]], expectations: dict[str, dict[tuple[str, int], list[str]]], tree: str
) -> None:
    assert expectations[tree], "there is something to refuse"
    found = {(complaint.file, complaint.line): complaint for complaint in compiled[f"{tree}-without-expectations"]}
    unlike = [
        complaint for place, complaint in found.items() if complaint.code not in expectations[tree].get(place, [])
    ]
    assert unlike == []
    assert found.keys() == expectations[tree].keys()


def test_each_expectation_names_its_code(
    trees: dict[str, Tree], expectations: dict[str, dict[tuple[str, int], list[str]]]
) -> None:
    for name, tree in trees.items():
        count = sum(text.count("// @ts-expect-error") for text in tree.values())
        assert len(expectations[name]) == count, f"`// @ts-expect-error TS1234: why` in {name}"


def test_the_repository_compiles_in_place(in_place: list[Complaint]) -> None:
    """As its own tsconfig.json says, with whatever is beside the generated files."""
    assert in_place == []


def test_the_types_work_as_a_declaration_file(
    workspace: Workspace, new_workspace: Callable[..., Workspace], trees: dict[str, Tree]
) -> None:
    workspace.compile("typescript")
    declared: dict[str, Tree] = {}
    for name, tree in trees.items():
        declarations = workspace.output("typescript") / name / "schemas" / "typescript" / "protocol.d.ts"
        rest = {path: text for path, text in tree.items() if not path.startswith("schemas/") or path.endswith(".json")}
        declared[name] = rest | {"schemas/typescript/protocol.d.ts": declarations.read_text("utf-8")}
    assert new_workspace(declared).compile("typescript") == {name: [] for name in trees}


@pytest.fixture(scope="module")
def weakened(new_workspace: Callable[..., Workspace], trees: dict[str, Tree]) -> dict[str, list[Complaint]]:
    """What the compiler says about contracts each of which allows a little more than it should."""

    def weaker(tree: Tree, pattern: str, replacement: str) -> Tree:
        text, count = re.subn(pattern, lambda _: replacement, tree[PROTOCOL])
        assert count, f"nothing like {pattern!r} in protocol.ts"
        return {path: old for path, old in tree.items() if not path.endswith("/zod.ts")} | {PROTOCOL: text}

    changed = {name: weaker(trees[tree], *change) for name, (tree, *change) in WEAKENINGS.items()}
    return new_workspace(changed).compile("typescript-latest")


@pytest.mark.parametrize("name", WEAKENINGS)
def test_the_type_tests_notice_a_weaker_contract(weakened: dict[str, list[Complaint]], name: str) -> None:
    assert any(complaint.file.endswith(".test-d.ts") for complaint in weakened[name])
