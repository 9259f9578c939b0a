"""Indexes that nobody needs any more: of repositories that are gone, and those not used for a long time."""

import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from ckservice.retrieval.storage import index
from ckservice.store.database_file import DatabaseFile

log = logging.getLogger(__name__)

_DAY = 24 * 60 * 60
_UNUSED_SECONDS = 90 * _DAY
_GONE_SECONDS = _DAY
"""For which an index is left alone though its repository is gone: it may just have been moved, or come back."""


def remove_unused(folder: Path, ending: str) -> None:
    """Remove the indexes in a folder that nobody needs any more; what can't be looked at is left alone."""
    now = time.time()
    for path in folder.glob(f"*{ending}"):
        file = DatabaseFile(path)
        seconds = now - file.used_at()
        if seconds > _UNUSED_SECONDS or (seconds > _GONE_SECONDS and _is_gone(path)):
            try:
                file.remove()
            except OSError as error:
                reason = os.strerror(error.errno or 0)
                log.info("an index that nobody uses can't be removed", extra={"file": path.name, "reason": reason})
            else:
                log.info("an index that nobody uses was removed", extra={"file": path.name})


def _is_gone(path: Path) -> bool:
    """Whether the repository of an index was removed. One on a drive that is not there is not."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            noted = index.note(connection, "root")
    except sqlite3.Error:
        return False
    if not isinstance(noted, bytes):
        return False
    root = Path(os.fsdecode(noted))
    return not root.exists() and root.parent.is_dir()
