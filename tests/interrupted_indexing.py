"""Writes files into an index, over and over, until it is killed; prints a line for each batch that is safe.

python -m tests.interrupted_indexing INDEX
"""

import sqlite3
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ckservice.retrieval.storage import index
from ckservice.retrieval.storage.index import Put
from tests.indexing import Index, put


def main(path: Path) -> None:
    def work(connection: sqlite3.Connection) -> None:
        changes = _changes()
        while size := index.write_batch(connection, changes):
            print(size, flush=True)

    Index(path).run(work)


def _changes() -> Iterator[Put]:
    for number in count():
        yield put(f"docs/{number % 700}.md", f"# Title {number}\n\n" + f"word{number} and more.\n\n" * 20)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
