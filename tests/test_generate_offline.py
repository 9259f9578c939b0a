"""`entity/generate` and `entity/refine` without a model: valid drafts, made of what the user says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ckservice.llm.providers.pattern_text import text_for
from ckservice.llm.providers.prose import Prose
from tests.generation import TYPES, assert_valid, contents, write
from tests.sidecar import Sidecar

STORY = """\
As a customer, I want to sign in with a passkey so that I need no password. It must work offline.
- A known passkey signs in
- An unknown one is refused
"""
LINKED = {"userstory": "feature", "spec": "related", "task": "related"}
EXISTING = ("FEAT-001", "US-001", "SPEC-001", "T-007", "CONST-SHOP")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "repository")


def draft(sidecar: Sidecar, entity_type: str, prompt: str = STORY, **params: Any) -> Any:
    linked = {"linkedFeatureId": "FEAT-001"} if entity_type in LINKED and "repoPath" in params else {}
    return sidecar.call("entity/generate", {"entityType": entity_type, "userPrompt": prompt, **linked, **params})


@pytest.mark.parametrize("entity_type", TYPES)
def test_a_draft_is_valid_and_says_what_the_user_said(sidecar: Sidecar, root: Path, entity_type: str) -> None:
    result = draft(sidecar, entity_type, repoPath=str(root))
    assert_valid(result, entity_type)
    entity = result["entity"]
    assert entity.get("title", entity.get("name", "Sign in with a passkey")) == "Sign in with a passkey"
    assert result["metadata"]["provider"] == "offline"
    assert result["metadata"]["costUsd"] == 0
    assert draft(sidecar, entity_type, repoPath=str(root))["entity"] == entity
    assert ("FEAT-001" in str(entity)) == (entity_type in LINKED)


def test_a_story_is_taken_apart(sidecar: Sidecar, root: Path) -> None:
    assert draft(sidecar, "userstory", repoPath=str(root))["entity"] == {
        "id": "US-002",
        "feature": "FEAT-001",
        "asA": "customer",
        "iWant": "to sign in with a passkey",
        "soThat": "I need no password",
        "acceptanceCriteria": ["A known passkey signs in", "An unknown one is refused"],
    }


def test_a_spec_has_sections(sidecar: Sidecar, root: Path) -> None:
    content = draft(sidecar, "spec", repoPath=str(root))["entity"]["content"]
    assert content.startswith("## Purpose\n\nAs a customer")
    assert "- An unknown one is refused\n" in content


@pytest.mark.parametrize("entity_type", TYPES)
@pytest.mark.parametrize(
    "prompt",
    [
        "x" * 9_000,
        "..........!!??..",
        "- a\n- b\n- c\n- d\n-",
        "日本語の要求をここに書きます。",
        "a b c: 'd' # e {f} [g]",
        "\u0085\u2028 null true 12",
    ],
    ids=range(6),
)
def test_any_prompt_gives_a_valid_draft(sidecar: Sidecar, root: Path, entity_type: str, prompt: str) -> None:
    assert_valid(draft(sidecar, entity_type, prompt, repoPath=str(root)), entity_type)


@pytest.mark.parametrize("entity_type", TYPES)
def test_a_draft_needs_no_repository(sidecar: Sidecar, entity_type: str) -> None:
    result = draft(sidecar, entity_type)
    assert result["valid"], result
    assert yaml.safe_load(result["yaml"]) == result["entity"]
    assert result["sources"] == []


@pytest.mark.parametrize("entity_id", EXISTING)
def test_a_change_adds_the_instruction_in_one_place(sidecar: Sidecar, root: Path, entity_id: str) -> None:
    asked = {"entityId": entity_id, "instruction": "Mention dark mode.", "repoPath": str(root), "save": True}
    before = contents(root)
    result = sidecar.call("entity/refine", asked)
    assert "entity" in result, result
    after = contents(root)
    assert [path for path in after if after[path] != before[path]] == [result["path"]]
    assert after[result["path"]].decode() == result["yaml"]
    old, new = yaml.safe_load(before[result["path"]]), result["entity"]
    assert [name for name in new if new[name] != old.get(name)] == [next(n for n in new if "dark mode" in str(new[n]))]
    assert old.keys() <= new.keys()
    added = [line for line in result["diff"].splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert 1 <= len(added) <= 2


@pytest.mark.source
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[0-9]+$", "0"),
        ("^US-[0-9]{3,}$", "US-000"),
        (r"^(svc|pkg)-\w+$", "svc-a"),
        ("^[^a-z]{2,4}x?$", "00"),
        (r"^v\d+(\.\d+)*$", "v0"),
        ("^(?:a|b){2}$", "aa"),
        (r"^[\w.-]+@[a-z]+\.[a-z]{2,}$", "a@a.aa"),
        ("^(?!x)y$", None),
        ("(", None),
        ("a{2000}{2000}", None),
        ("[[a]&&b]", None),
        ("(((" * 2000, None),
    ],
)
def test_simple_patterns_have_texts(pattern: str, text: str | None) -> None:
    assert text_for(pattern, []) == text


@pytest.mark.source
def test_likely_texts_go_first() -> None:
    assert text_for("^[a-z-]+$", ["No", "sign-in", "x"]) == "sign-in"


@pytest.mark.source
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("As an admin I need to see logs.", ("admin", "to see logs", None)),
        ("As a user,\nI want x\nso that y\nMore.", ("user", "x", "y")),
        ("Show it as a table. I want it fast.", ("user", "Show it as a table", None)),
        ("as a " * 2000, ("user", None, None)),
        ("as a x I want " * 500, ("x", None, None)),
    ],
)
def test_stories_are_found(text: str, told: tuple[str, str | None, str | None]) -> None:
    prose = Prose(text)
    role, want, benefit = told
    assert prose.role == role
    assert want is None or prose.want == want
    assert prose.benefit == (benefit or "the need behind this request is met")
    assert len(prose.title) <= 80
