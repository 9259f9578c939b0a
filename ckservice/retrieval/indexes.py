"""The indexes that a process works with, one for each repository."""

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ckservice.retrieval.embedding.embedder import Embedder
    from ckservice.retrieval.repository_index import RepositoryIndex

log = logging.getLogger(__name__)

FOLDER = "indexes"
_ENDING = ".sqlite"


class Indexes:
    """Indexes by the directories of their repositories.

    Args:
        data_directory: that holds their files.
        embedder: gives the model of embeddings that is set, if one is.
    """

    def __init__(self, data_directory: str, embedder: "Callable[[], Embedder | None]") -> None:
        self._folder = Path(data_directory, FOLDER)
        self._embedder = embedder
        self._opened: dict[Path, RepositoryIndex] = {}
        self._is_tidy = False

    def of(self, root: Path) -> "RepositoryIndex":
        """The index of a repository; its file is made when it is first used.

        Args:
            root: its directory, with links resolved.
        """
        from ckservice.retrieval.repository_index import RepositoryIndex  # noqa: PLC0415 - only for those who search

        if root not in self._opened:
            name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
            path = self._folder / f"{name}{_ENDING}"
            self._opened[root] = RepositoryIndex(root, path, self._embedder, self._remove_unused)
        return self._opened[root]

    def _remove_unused(self) -> None:
        from ckservice.retrieval.storage.unused import remove_unused  # noqa: PLC0415 - as above

        if not self._is_tidy:
            self._is_tidy = True
            try:
                remove_unused(self._folder, _ENDING)
            except Exception:  # nothing depends on it
                log.exception("looking for indexes that nobody uses failed")
