"""A context repository on disk: what is in it now."""

import os
import threading
from pathlib import Path

from ckservice.context.files import CONTEXTS, ENDINGS, read_file, refuse_file
from ckservice.context.folder import Folder
from ckservice.context.schemas import Schemas, schema_folder
from ckservice.context.snapshot import Snapshot
from ckservice.context.transaction.recovery import recover
from ckservice.context.yaml.reading import MAX_BYTES


class Repository:
    """One repository. Its methods block; `Repositories` calls them on worker threads.

    Args:
        root: its directory, with links resolved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._files = Folder(
            os.fspath(root), CONTEXTS, ENDINGS, max_bytes=MAX_BYTES, read=read_file, refuse=refuse_file
        )
        self._schemas = schema_folder(os.fspath(root))
        self._current = Snapshot(root, {}, Schemas({}))
        self._begun = 0
        self._ended = 0

    def snapshot(self) -> Snapshot:
        """What is in it now. Only what has changed since the last time is read; if nothing has, it is the same object.

        Those who ask while others are served share one reading, which began after they asked.
        """
        recover(self.root)
        begun = self._begun
        with self._lock:
            if self._ended <= begun:
                self._begun += 1
                self._current = self._read()
                self._ended = self._begun
            return self._current

    def _read(self) -> Snapshot:
        files, schemas = self._files.read(), self._schemas.read()
        current = self._current
        if files is not current.files or schemas is not current.schemas.files:
            kept = current.schemas if schemas is current.schemas.files else Schemas(schemas)
            return Snapshot(self.root, files, kept)
        return current
