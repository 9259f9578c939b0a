"""How well and how fast the index finds, beside plain FTS5 and bm25s.

    python -m tests.bench retrieval quality    nDCG and recall on collections with judgements
    python -m tests.bench retrieval scores     what `relevanceScore` says of them
    python -m tests.bench retrieval speed      time and memory, on repositories that are made up

A collection is a folder with `docs.jsonl` {id, title, text[, type, links]}, `queries.jsonl` {id, text} and `qrels.tsv`
(query, document, grade). Rows of bm25s (with PyStemmer) and of vectors (see `minilm`) are there where these packages are;
vectors take minutes to make, and are kept in a directory.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import report
from tests.bench.minilm import MiniLM, is_installed
from tests.bench.retrieval_collections import Collection
from tests.bench.retrieval_process import process_table
from tests.bench.retrieval_quality import quality_table
from tests.bench.retrieval_scores import scores_tables
from tests.bench.retrieval_speed import speed_table
from tests.sidecar import ROOT

_COLLECTIONS = ROOT.parent / "shared" / "ir"
_VECTORS = Path(tempfile.gettempdir(), "ckservice-bench-vectors")


def main(arguments: Sequence[str]) -> int:
    """Print the tables that are asked for; 1 where there is nothing to measure with."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench retrieval", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["quality", "scores", "speed"])
    parser.add_argument("--collections", type=Path, default=_COLLECTIONS, metavar="DIR", help="has a folder for each")
    parser.add_argument("--vectors", type=Path, default=_VECTORS, metavar="DIR", help="where vectors are kept")
    parser.add_argument("--chunks", default="1000,10000", metavar="N,N", help="sizes of the repositories, as 100000")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ckservice-bench-", ignore_cleanup_errors=True) as temporary:
        directory = Path(temporary)
        if given.what == "speed":
            sizes = [int(size) for size in given.chunks.split(",")]
            print(report.render("speed of the index", speed_table(directory, sizes), markdown=given.markdown))
            print(report.render("speed of the service", process_table(directory, sizes), markdown=given.markdown))
            return 0
        collections = [Collection(path.parent) for path in sorted(given.collections.glob("*/docs.jsonl"))]
        if not collections:
            print(f"there are no collections in {given.collections}")
            return 1
        model = MiniLM(given.vectors) if is_installed() else None
        if given.what == "quality":
            print(report.render("quality", quality_table(collections, directory, model), markdown=given.markdown))
            return 0
        for title, rows in scores_tables(collections, directory, model):
            print(report.render(title, rows, markdown=given.markdown))
        return 0
