"""Everything that stands in a context repository is found: every field of every type, by the entity that it is of."""

from collections.abc import Iterator
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from ckservice.context.yaml.emitting import emit
from tests.sidecar import Sidecar

SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu")
NUMBERS = count(700_001)
"""Each stands in one place only; so does each word."""

WORDS = ("".join(parts) + "zq" for parts in product(SYLLABLES, repeat=4))


def word() -> str:
    return next(WORDS)


def text(words: int = 3) -> str:
    return " ".join(word() for _ in range(words))


def items(number: int = 2) -> list[str]:
    return [text() for _ in range(number)]


def entities() -> dict[str, dict[str, Any]]:
    """One entity of each type by its path, with all fields of its schema and some that no schema knows."""
    extra = {
        "linkedThings": [{"label": word(), "deep": {"deeper": [word(), {"deepest": word()}]}}],
        "estimate": next(NUMBERS),
        "weight": float(f"{next(NUMBERS)}.5"),
        "isUrgent": True,
        "dueDate": f"2031-{word()}",
        f"key{word()}": word(),
    }
    feature = {
        "id": "FEAT-001",
        "title": text(),
        "status": "done",
        "domain": word(),
        "owners": ["@" + word()],
        "objective": text(),
        "acceptance": items(3),
        "requires": [f"svc-{word()}"],
        "produces": [f"pkg-{word()}"],
        "userStories": [f"US-{next(NUMBERS)}"],
        "prompts": {"instructions": items(), "contextRefs": items()},
        **extra,
    }
    story = {
        "id": "US-001",
        "feature": f"FEAT-{next(NUMBERS)}",
        "asA": text(),
        "iWant": text(),
        "soThat": text(),
        "acceptanceCriteria": [{"given": text(), "when": text(), "then": items()}, text()],
        "impacts": {"services": [word()], "packages": [word()]},
    }
    spec = {
        "id": "SPEC-001",
        "title": text(),
        "type": "api",
        "related": {"features": [word()], "services": [word()]},
        "content": "\n\n".join(f"# {text(2)}\n{text(40)}" for _ in range(10)),
    }
    task = {
        "id": "T-001",
        "title": text(),
        "status": "todo",
        "related": {"feature": word(), "spec": word(), "service": word()},
        "owner": word(),
        "steps": items(12),
        "doneCriteria": items(),
    }
    service = {
        "id": "svc-zq",
        "name": text(),
        "type": "backend",
        "repository": f"https://{word()}.example",
        "api": {"spec": f"docs/{word()}.md", "version": word()},
        "dependencies": [f"{word()}@1"],
        "consumers": [word()],
    }
    package = {
        "id": "pkg-zq",
        "name": text(),
        "version": word(),
        "dependencies": items(),
        "uses": {"services": [word()]},
    }
    governance = {
        "id": "CONST-ZQ",
        "name": text(),
        "summary": text(60),
        "layers": [{"id": word(), "name": word(), "paths": [word()], "description": text()} for _ in range(3)],
        "principles": [
            {
                "id": word(),
                "title": text(),
                "details": text(20),
                "requirements": [{"id": word(), "statement": text(), "evidence": [{"path": word()}]}],
            }
            for _ in range(4)
        ],
        "governance": {"owners": [word()], "changeControl": text()},
        "compliance": {
            "rules": [{"id": word(), "conditions": [{"path": word(), "message": text()}]}],
            "exceptions": [{"id": word(), "justification": text(), "approvers": [word()]}],
        },
    }
    found: tuple[dict[str, Any], ...] = (feature, story, spec, task, service, package, governance)
    folders = ("features", "userstories", "specs", "tasks", "services", "packages", "governance")
    return {f"contexts/{folder}/{entity['id']}.yaml": entity for folder, entity in zip(folders, found, strict=True)}


def words_of(value: Any) -> Iterator[str]:
    """The words that stand nowhere else."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from words_of(key)
            yield from words_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from words_of(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, str):
        yield from (found for found in value.split() if "zq" in found or "70" in found)


def search(sidecar: Sidecar, repository: Path, query: str) -> list[dict[str, Any]]:
    sources: list[dict[str, Any]] = sidecar.call("rag/search", {"repoPath": str(repository), "query": query})["sources"]
    return sources


def write(repository: Path, files: dict[str, str]) -> None:
    for path, contents in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_bytes(contents.encode())


def assert_shows(source: dict[str, Any], wanted: str, contents: str) -> None:
    """The word stands on the lines that are named, and in what is shown of them."""
    lines = contents.split("\n")
    (line,) = {number for number, line in enumerate(lines, 1) if wanted in line}
    assert source["startLine"] <= line <= source["endLine"]
    assert wanted in source["excerpt"]


def test_every_word_of_every_field_is_found_by_its_entity(sidecar: Sidecar, tmp_path: Path) -> None:
    found = entities()
    texts = {path: f"# about {word()}\n{emit(entity)}" for path, entity in found.items()}
    write(tmp_path, texts)
    looked_up = 0
    for path, entity in found.items():
        comment = texts[path].split("\n")[0].split()[-1]
        for wanted in (comment, *list(words_of(entity))[:: 5 if len(texts[path]) > 3000 else 1]):
            first = search(sidecar, tmp_path, wanted)[0]
            assert (first["entityId"], first["filePath"]) == (entity["id"], path), wanted
            if wanted not in first["title"]:  # each part of a long entity goes by its title
                assert_shows(first, wanted, texts[path])
            looked_up += 1
    assert looked_up > 150


FILES = {
    "contexts/tasks/T-020-two.yaml": "id: T-020\ntitle: One\nowner: aaqq\n---\nid: T-021\ntitle: Two\nowner: bbqq\n",
    "contexts/tasks/T-022-mixed.yaml": "id: T-022\ntitle: One\n---\n- ccqq\n---\nnote: ddqq\nid: T-023\n...\n",
    "contexts/tasks/T-030-list.yml": "- id: T-030\n  title: eeqq\n- id: T-031\n  title: ffqq\n",
    "contexts/tasks/T-040.yaml": "id: T-040\ntitle: Broken [one]\nsteps: [ggqq\n---\nid: T-041\nname: hhqq\n",
    "contexts/services/svc-odd.yaml": "name: {iiqq\n",
    "contexts/notes.yaml": "some: jjqq\n",
    "contexts/list.yaml": "- kkqq\n",
    "contexts/word.yaml": "llqq\n",
    "contexts/comments.yaml": "# mmqq\n",
    "contexts/tasks/T-050.yaml": "---\n# nnqq\n---\nid: T-050\ntitle: 'a\n\n  ---\n  ooqq'\n",
    "contexts/tasks/T-060.json": '{"id": "T-060", "title": "ppqq"}',
    "contexts/tasks/README.md": "# About\n\nrrqq\n",
    ".context/rules/consistency.rules.yaml": "rules:\n  - when: {entity: ssqq}\n",
    ".context/templates/prompts/feature.hbs": "# {{title}}\nttqq\n",
    ".context-kit/project.yml": "name: uuqq\n",
}
OWNERS = {
    "aaqq": ("T-020", "task"),
    "bbqq": ("T-021", "task"),
    "ccqq": ("contexts/tasks/T-022-mixed.yaml", "document"),
    "ddqq": ("T-023", "task"),
    "eeqq": ("T-030", "task"),
    "ffqq": ("T-030", "task"),
    "ggqq": ("T-040", "task"),
    "hhqq": ("T-041", "task"),
    "iiqq": ("svc-odd", "service"),
    "jjqq": ("contexts/notes.yaml", "document"),
    "kkqq": ("contexts/list.yaml", "document"),
    "llqq": ("contexts/word.yaml", "document"),
    "mmqq": ("contexts/comments.yaml", "document"),
    "nnqq": ("contexts/tasks/T-050.yaml", "document"),
    "ooqq": ("T-050", "task"),
    "ppqq": ("contexts/tasks/T-060.json", "document"),
    "rrqq": ("contexts/tasks/README.md#about", "document"),
    "ssqq": (".context/rules/consistency.rules.yaml", "document"),
    "ttqq": (".context/templates/prompts/feature.hbs", "document"),
    "uuqq": (".context-kit/project.yml", "document"),
}


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_is_no_entity_is_found_by_the_id_it_would_have_or_its_path(
    sidecar: Sidecar, tmp_path: Path, line_break: str
) -> None:
    write(tmp_path, {path: contents.replace("\n", line_break) for path, contents in FILES.items()})
    for wanted, owner in OWNERS.items():
        first = search(sidecar, tmp_path, wanted)[0]
        assert (first["entityId"], first["entityType"]) == owner
        assert_shows(first, wanted, FILES[first["filePath"]])
