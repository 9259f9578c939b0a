"""A feature, its story and its task under Git, and questions about what has changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.git_repository import GitRepository
from tests.sidecar import Sidecar

Ask = Callable[..., Any]

STORY = "contexts/userstories/US-001.yaml"
TASK = "contexts/tasks/T-001-do-it.yaml"
FILES = {
    "contexts/features/FEAT-001.yaml": """
        id: FEAT-001
        title: Search
        status: proposed
        userStories: [US-001]
        tasks: [T-001]
        """,
    STORY: """
        id: US-001
        feature: FEAT-001
        asA: reader
        iWant: to search
        soThat: I find things
        acceptanceCriteria:
          - fast
          - right
        """,
    TASK: """
        # Somebody's notes
        id: T-001
        title: "Write: it"
        status: todo
        related:
          feature: FEAT-001
        steps:
          - one
          - two
        """,
}


def fill(repository: GitRepository) -> GitRepository:
    for path, text in FILES.items():
        repository.write(path, text)
    repository.commit()
    return repository


def asking(sidecar: Sidecar, repository: GitRepository) -> Ask:
    """Ask about a repository, or about another directory."""

    def _ask(root: Path = repository.root, **params: Any) -> Any:
        return sidecar.call("repository/impact", {"repoPath": str(root.resolve()), **params})

    return _ask


def summary(answer: Any) -> list[tuple[str, str]]:
    return [(entity["id"], entity["status"]) for entity in answer["changed"]]


def fields(answer: Any) -> dict[str, tuple[Any, Any]]:
    """The changes of the only entity that has changed, by path."""
    (entity,) = answer["changed"]
    return {change["path"]: (change.get("before"), change.get("after")) for change in entity["changes"]}
