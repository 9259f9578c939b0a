"""What a repository tells of its project, in `.context-kit/`."""

from collections.abc import Collection
from typing import Any

from ckservice.context.files import Entity
from ckservice.context.paths import read_text
from ckservice.context.prompts.neighbours import fenced
from ckservice.context.prompts.parts import mappings, one_line
from ckservice.context.snapshot import Snapshot
from ckservice.context.yaml.reading import read
from ckservice.errors import PathForbidden

FOLDER = ".context-kit"
_MAX_FILE = 200_000
_MAX_SHOWN = 8_000
"""Characters of a file that are shown."""


def project_files(snapshot: Snapshot, ignored: Collection[str]) -> list[dict[str, str]]:
    """What is told of the project and of its stack: `file`, and its text as `yaml`."""
    found = []
    for name in ("project.yml", "stack.yml"):
        text = _read(snapshot, name, ignored).strip()
        if text:
            shown = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN].rpartition("\n")[0] + "\n# …"
            found.append({"file": f"{FOLDER}/{name}", "yaml": fenced(shown)})
    return found


def domains(snapshot: Snapshot, entities: list[Entity], ignored: Collection[str]) -> list[dict[str, Any]]:
    """The domains that some entities name, as `.context-kit/domains.yml` has them."""
    names = {one_line(entity.data.get("domain")).lower() for entity in entities} - {""}
    documents = read(_read(snapshot, "domains.yml", ignored)).documents if names else ()
    known = mappings(documents[0], "domains") if documents else []
    return [domain for domain in known if names & {one_line(domain.get(key)).lower() for key in ("id", "name")}]


def _read(snapshot: Snapshot, name: str, ignored: Collection[str]) -> str:
    if snapshot.root is None or f"{FOLDER}/{name}" in ignored:
        return ""
    try:
        return read_text(snapshot.root, f"{FOLDER}/{name}", _MAX_FILE) or ""
    except PathForbidden:
        return ""
