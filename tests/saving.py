"""Repositories to save into, and what is in them afterwards."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sidecar import Sidecar

FEATURE_PATH = "contexts/features/FEAT-001-sign-in.yaml"
FEATURE = """\
# The first one that anybody sees.
id:   FEAT-001
title: "Sign in"   # on the button
status: proposed

owners:
- '@ann'   # since May
tasks: [ T-001 ]
x-note: |
  two
  lines
"""
FEATURE_DATA: dict[str, Any] = {
    "id": "FEAT-001",
    "title": "Sign in",
    "status": "proposed",
    "owners": ["@ann"],
    "tasks": ["T-001"],
    "x-note": "two\nlines\n",
}
TASK_PATH = "contexts/tasks/T-001-form.yaml"
TASK = "id: T-001\ntitle: Form\nstatus: todo\nrelated:\n  feature: FEAT-001\n"
SERVICE_PATH = "contexts/services/svc-web.yaml"
SERVICE = "id: svc-web\nname: Web\ntype: frontend\n"


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Put files into a directory."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)


def sample(root: Path) -> Path:
    """A repository of a feature, its task, and a service."""
    write(root, {FEATURE_PATH: FEATURE, TASK_PATH: TASK, SERVICE_PATH: SERVICE})
    return root


def files(root: Path) -> dict[str, bytes]:
    """Every file below a directory, hidden ones too."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def sha256(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def save(sidecar: Sidecar, root: Path, entity: Mapping[str, Any] | str, **params: Any) -> Any:
    """The result of a save, or its error."""
    given = {"yaml": entity} if isinstance(entity, str) else {"entity": entity}
    return sidecar.call("entity/save", {"repoPath": str(root), **given, **params})


def refusal(sidecar: Sidecar, root: Path, entity: Mapping[str, Any] | str, **params: Any) -> tuple[str, str]:
    """The kind and the message of a save that is refused; checks that it has changed nothing."""
    before = files(root)
    answer = save(sidecar, root, entity, **params)
    assert "data" in answer, answer
    assert files(root) == before
    assert str(root) not in str(answer)
    return answer["data"]["kind"], answer["message"]
