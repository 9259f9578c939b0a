"""Small repositories that tests write, file by file."""

from pathlib import Path

from tests.sidecar import Sidecar

FEATURE = "id: {id}\ntitle: A feature\nstatus: proposed\n"


def write(root: Path, path: str, text: str = FEATURE) -> Path:
    """Write a file of the repository; `{id}` is what its name begins with."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("{id}", "-".join(file.stem.split("-")[:2])), encoding="utf-8", newline="")
    return file


def entities(sidecar: Sidecar, root: Path) -> dict[str, str]:
    """The path of each entity."""
    listed = sidecar.call("entity/list", {"repoPath": str(root), "limit": 1000})["entities"]
    return {entity["id"]: entity["path"] for entity in listed}
