"""The obvious way to validate a repository: yaml.safe_load and jsonschema on every file, then the ids in links."""

import json
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

FOLDERS = {
    "features": "feature",
    "userstories": "userstory",
    "specs": "spec",
    "tasks": "task",
    "services": "service",
    "packages": "package",
    "governance": "governance",
}
LINKS = ("userStories", "specs", "tasks", "requires", "produces", "feature")
SCHEMAS = Path(__file__).parents[3] / "schemas" / "entities"


def validate(root: Path) -> dict[str, int]:
    validators = {
        name: Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))
        for name in FOLDERS.values()
    }
    errors = 0
    entities = {}
    for path in sorted((root / "contexts").glob("*/*.yaml")):
        entity = yaml.safe_load(path.read_text(encoding="utf-8"))
        errors += sum(1 for _ in validators[FOLDERS[path.parent.name]].iter_errors(entity))
        entities[entity["id"]] = entity
    for entity in entities.values():
        for name in LINKS:
            value = entity.get(name, [])
            errors += sum(1 for linked in ([value] if isinstance(value, str) else value) if linked not in entities)
    return {"entities": len(entities), "errors": errors}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        result = validate(Path(message["params"]["repoPath"])) if message["method"] == "repository/validate" else {}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
