"""Repositories to validate, and what is said of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sidecar import Sidecar

GOOD: Mapping[str, str] = {
    "features/FEAT-001-a.yaml": (
        "id: FEAT-001\ntitle: A\nstatus: done\nrequires: [svc-a, pkg-a]\nuserStories: [US-001]\nspecs: [SPEC-001]\n"
        "tasks: [T-001]\n"
    ),
    "userstories/US-001-a.yaml": "id: US-001\nfeature: FEAT-001\nasA: a\niWant: b\nsoThat: c\n",
    "specs/SPEC-001-a.yaml": "id: SPEC-001\ntitle: A\nrelated:\n  features: [FEAT-001]\n  services: [svc-a]\n",
    "tasks/T-001-a.yaml": "id: T-001\ntitle: A\nstatus: todo\nrelated:\n  feature: FEAT-001\n  spec: SPEC-001\n",
    "services/svc-a.yaml": "id: svc-a\nname: A\ntype: backend\nconsumers: [pkg-a]\n",
    "packages/pkg-a.yaml": "id: pkg-a\nname: A\nversion: 1.0.0\ntype: npm\nuses:\n  services: [svc-a]\n",
}
"""One entity of each type but governance, with nothing wrong; below `contexts/`."""


def write(root: Path, files: Mapping[str, str | bytes], schemas: Mapping[str, Any] | None = None) -> Path:
    """Write entities below `contexts/` and schemas, by name; the repository's directory comes back."""
    for path, text in files.items():
        file = root / "contexts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    for name, schema in (schemas or {}).items():
        file = root / ".context" / "schemas" / f"{name}.schema.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema), encoding="utf-8")
    return root


def validated(sidecar: Sidecar, root: Path) -> Any:
    """The report on a repository; what is true of all reports is checked."""
    report = sidecar.call("repository/validate", {"repoPath": str(root)})
    findings = report.get("errors")
    assert findings is not None, report
    errors = sum(finding["severity"] == "error" for finding in findings)
    assert report["ok"] == (report["stats"]["errors"] == 0)
    assert (errors == 0) == report["ok"]
    assert findings == sorted(findings, key=lambda each: (each["file"], each["line"], each["column"], each["message"]))
    assert all(
        finding["line"] >= 1 and finding["column"] >= 1 and len(finding["message"]) <= 520 for finding in findings
    )
    return report


def told(sidecar: Sidecar, root: Path) -> list[str]:
    """What a report says, as `file:line:column severity kind message`; the folder and the ending of files left out."""
    return [
        f"{finding['file'].removeprefix('contexts/')}:{finding['line']}:{finding['column']} "
        f"{finding['severity']} {finding['kind']} {finding['message']}"
        for finding in validated(sidecar, root)["errors"]
    ]
