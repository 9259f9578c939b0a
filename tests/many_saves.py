"""New stories of one feature, saved as fast as it goes: `python -m tests.many_saves REPOSITORY COUNT`.

Each is given the id US-001, which only one of them can have. The ids that they get are printed, as JSON.
"""

import json
import sys
from pathlib import Path

from ckservice.context.repository import Repository
from ckservice.context.saving import save_new


def main(root: Path, count: int) -> None:
    repository = Repository(root)
    story = {"id": "US-001", "feature": "FEAT-001", "asA": "guest", "iWant": "in", "soThat": "I am"}
    print(json.dumps([save_new(repository, story, "userstory")[1]["id"] for _ in range(count)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
