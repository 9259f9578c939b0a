"""Which files a folder holds. Links are followed by hand: never out of the repository, and never twice to one place."""

import os
import re
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ckservice.context.disk import reason
from ckservice.context.paths import is_inside
from ckservice.context.secrets import is_likely_secret

Signature = tuple[int, int, int, int]
"""Size, time of the last change of the contents and of anything about a file (nanoseconds), and its number.

Windows tells neither of the last two without opening the file; there, the second time is that of its creation.
"""

_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LEADS_OUT = "is a link that leads out of the repository, and is not followed"
_NOT_REGULAR = "is not a regular file, and is not read"
_IS_WINDOWS = os.name == "nt"


def scan(root: str, folder: str, endings: tuple[str, ...]) -> dict[str, Signature | str]:
    """The signature of each file in a folder and in those below it, or why it is not read; hidden ones are left out.

    Args:
        root: of the repository, with links resolved.
        folder: relative to it.
        endings: of the names of the files that are meant, in lower case.
    """
    return _Scan(root, endings).of(folder)


class _Scan:
    """One walk through a folder: the signature of each file, or why it is not read."""

    def __init__(self, root: str, endings: tuple[str, ...]) -> None:
        self._root = root
        self._endings = endings
        self._found: dict[str, Signature | str] = {}
        self._waiting: list[str] = []
        self._top = ""

    def of(self, folder: str) -> dict[str, Signature | str]:
        try:
            self._top = os.path.realpath(f"{self._root}/{folder}", strict=True)
        except FileNotFoundError:
            return {}
        except OSError as error:
            return {folder: reason(error)}
        if not is_inside(self._root, self._top) or self._top == self._root:
            return {folder: _LEADS_OUT}
        self._waiting.append(self._top)
        seen: set[str] = set()
        while self._waiting:
            directory = self._waiting.pop()
            if directory not in seen:
                seen.add(directory)
                self._enter(directory)
        return self._found

    def _enter(self, directory: str) -> None:
        prefix = self._relative(directory) + "/"
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.name[0] != ".":
                        self._take(entry, prefix + entry.name)
        except FileNotFoundError:  # it has gone since it was listed
            return
        except NotADirectoryError:
            if directory == self._top:
                self._refuse(prefix[:-1], "is not a folder")
        except OSError as error:
            self._refuse(prefix[:-1], reason(error))

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        is_meant = path.lower().endswith(self._endings)
        if is_meant and entry.is_file(follow_symlinks=False):
            if self._is_shown(path):
                self._add(path, entry.stat)
        elif entry.is_symlink() or (_IS_WINDOWS and entry.is_dir()):  # which may be a junction
            self._follow(entry, path, is_meant=is_meant)
        elif entry.is_dir(follow_symlinks=False):
            if self._is_shown(path):
                self._waiting.append(entry.path)
        elif is_meant:
            self._refuse(path, _NOT_REGULAR)

    def _follow(self, entry: os.DirEntry[str], path: str, *, is_meant: bool) -> None:
        """Take what a link leads to for itself: in its own place, so that nothing is there twice."""
        try:
            target = os.path.realpath(entry.path, strict=True)
            is_folder = Path(target).is_dir()
        except (OSError, ValueError):
            if is_meant:
                self._refuse(path, "is a link that leads nowhere")
            return
        if not is_meant and not is_folder:
            return
        if not is_inside(self._root, target):
            self._refuse(path, _LEADS_OUT)
        elif is_folder and is_inside(target, self._top) and target != self._top:
            self._refuse(path, "is a link to a folder that it is itself in, and is not followed")
        elif is_folder:
            self._waiting.append(target)
        elif is_likely_secret(relative := self._relative(target)):
            self._refuse(path, "is a link to a file that is likely to hold secrets, and is not followed")
        elif self._is_shown(relative):
            self._add(relative, partial(os.stat, target))

    def _add(self, path: str, status: Callable[..., os.stat_result]) -> None:
        try:
            found = status(follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            self._refuse(path, reason(error))
            return
        if stat.S_ISREG(found.st_mode):
            self._found[path] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        else:
            self._refuse(path, _NOT_REGULAR)

    def _is_shown(self, path: str) -> bool:
        """Whether a path can be shown and be found again by what is shown; says so where not."""
        if path.isprintable() or not _UNSHOWN.search(path):
            return True
        self._refuse(path, "has a name with characters that can't be shown, and is not read")
        return False

    def _refuse(self, path: str, reason: str) -> None:
        shown = _UNSHOWN.sub("\ufffd", path)
        while shown != path and shown in self._found:  # another one that looks the same
            shown += "\ufffd"
        self._found[shown] = reason

    def _relative(self, path: str) -> str:
        return path[len(self._root) :].replace(os.sep, "/").lstrip("/")
