"""A repository in which every type is linked to others, and questions about what a change in it means."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.git_repository import GitRepository
from tests.sidecar import Sidecar

RULES = ".context/rules/consistency.rules.yaml"

Ask = Callable[..., Any]

ENTITIES = {
    "features/FEAT-001": """
        title: Search
        status: proposed
        userStories: [US-001]
        specs: [SPEC-001]
        requires: [svc-index]
        produces: [pkg-search]
        prompts:
          instructions: [be brief]
        """,
    "features/FEAT-002": "title: Other\nstatus: proposed\nrequires: [svc-other]\n",
    "userstories/US-001": "feature: FEAT-001\nasA: a\niWant: b\nsoThat: c\nacceptanceCriteria: [fast, right]\n",
    "userstories/US-002": "feature: FEAT-002\nasA: a\niWant: b\nsoThat: c\nimpacts: {services: [svc-web]}\n",
    "specs/SPEC-001": "title: How\ncontent: |\n  old text\n",
    "tasks/T-001": "title: Do\nstatus: todo\nrelated: {feature: FEAT-001, spec: SPEC-001}\nsteps: [one]\n",
    "tasks/T-002": "title: Do more\nstatus: todo\nrelated: {feature: FEAT-001, service: svc-web}\n",
    "services/svc-index": "name: Index\ntype: backend\napi: {version: 1.0.0, spec: a.yaml}\nconsumers: [svc-web]\n",
    "services/svc-web": "name: Web\ntype: frontend\ndependencies: [svc-auth@^1.0, pkg-search]\n",
    "services/svc-auth": "name: Auth\ntype: backend\napi: {version: 1.0.0}\n",
    "services/svc-other": "name: Other\ntype: backend\n",
    "packages/pkg-search": "name: search\nversion: 1.0.0\ntype: npm\ndependencies: [left]\nuses: {services: [svc-index]}\n",
    "governance/RULES": """
        name: Rules
        layers:
          - {id: one, name: One, paths: [a]}
          - {id: two, name: Two, paths: [b]}
        """,
}


def linked_repository(root: Path) -> GitRepository:
    repository = GitRepository.create(root)
    for path, text in ENTITIES.items():
        repository.write(f"contexts/{path}.yaml", f"id: {path.partition('/')[2]}\n{dedent(text).lstrip()}")
    repository.commit()
    return repository


def asking(sidecar: Sidecar, repository: GitRepository) -> Ask:
    """Change entities, each in one place, and ask what that means."""

    def _ask(*changes: tuple[str, str, str], **params: Any) -> Any:
        for path, old, new in changes:
            repository.replace(f"contexts/{path}.yaml", old, new)
        return sidecar.call("repository/impact", {"repoPath": str(repository.root.resolve()), **params})

    return _ask


def stale(answer: Any) -> dict[str, list[str]]:
    """The ids that each rule wants looked at again."""
    found: dict[str, list[str]] = {}
    for entity in answer["stale"]:
        found.setdefault(entity["ruleId"], []).append(entity["id"])
    return found


def impacted(answer: Any) -> dict[str, int]:
    return {entity["id"]: entity["distance"] for entity in answer["impacted"]}


def rule(when: str, then: str = "types: [feature], status: s, reason: r", rest: str = "") -> str:
    return f"rules:\n  - id: own\n    when: {{{when}}}\n    then:\n      markRelated: {{{then}}}\n{rest}"
