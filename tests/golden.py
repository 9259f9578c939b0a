"""What ckservice says of the sample repository, and the files that keep it: `python -m tests.golden` writes them anew.

What differs from one run or machine to the next is replaced: durations, today's date, the state of Git.
"""

import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.providers.process import clean_environment
from tests.sidecar import Sidecar

SAMPLE = Path(__file__).parent / "repositories" / "untidy"
GOLDEN = Path(__file__).parent / "repositories" / "untidy.golden"

IMPACT_OF = ["US-001", "svc-plots", "SPEC-003", "T-004"]


def answers(sidecar: Sidecar, directory: Path) -> dict[str, str]:
    """The text of each golden file, from a copy of the sample repository below a directory."""
    repository = directory / "untidy"
    shutil.copytree(SAMPLE, repository)

    def ask(method: str, **params: Any) -> Any:
        return sidecar.call(method, {"repoPath": str(repository), **params})

    return {
        "validate.json": _shown(ask("repository/validate")),
        "graph.json": _shown(ask("repository/graph")),
        "graph.mmd": ask("repository/graph", format="mermaid")["text"],
        "graph.dot": ask("repository/graph", format="dot")["text"],
        "around-FEAT-009.json": _shown(ask("repository/graph", focus="FEAT-009", depth=1)),
        "inspect.json": _shown(ask("repository/inspect")),
        "impact.json": _shown(ask("repository/impact", entityIds=IMPACT_OF)),
    }


def _shown(result: Any) -> str:
    match result:
        case {"stats": {"durationMs": _}}:
            result["stats"]["durationMs"] = 0
        case {"overview": {"git": _}}:
            result["overview"]["git"] = "left out"
    text = json.dumps(result, indent=2, ensure_ascii=False)
    today = datetime.now(UTC).date()
    for day in (today, today - timedelta(days=1)):  # the answer may have come before midnight
        text = text.replace(day.isoformat(), "TODAY")
    return text + "\n"


def main() -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        environment = clean_environment(directory / "data")
        with Sidecar([sys.executable, "-m", "ckservice"], env=environment) as sidecar:
            texts = answers(sidecar, directory)
    GOLDEN.mkdir(exist_ok=True)
    for name, text in texts.items():
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
