"""`ckservice schema`: write, check or compare the generated contract."""

import json
import sys
from pathlib import Path

from ckservice import contract, schema


def run(*, out: str | None, check: str | None, diff: str | None) -> int:
    """Do what the one flag that is given says; 1 where there is a difference."""
    if out is not None:
        return _write(Path(out))
    if check is not None:
        return _check(Path(check or contract.schemas_directory()))
    if diff is not None:
        return _diff(Path(diff))
    json.dump(schema.bundle(), sys.stdout, indent=2)
    print()
    return 0


def _write(directory: Path) -> int:
    for name in schema.write(directory):
        print(directory / name)
    return 0


def _check(directory: Path) -> int:
    stale = schema.check(directory)
    for name in stale:
        print(f"{directory / name} differs from the models; run: ckservice schema --out {directory}", file=sys.stderr)
    return 1 if stale else 0


def _diff(path: Path) -> int:
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"ckservice schema: {path} can't be read as JSON: {error}", file=sys.stderr)
        return 2
    difference = schema.first_difference(schema.bundle(), theirs)
    if difference is None:
        return 0
    print(difference)
    return 1
