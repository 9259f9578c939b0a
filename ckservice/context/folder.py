"""Folders on disk, whose files are read again only when they have changed."""

import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from ckservice.context.disk import SETTLED_NS, Unreadable, read_bytes
from ckservice.context.scanning import Signature, scan

F = TypeVar("F")


class Folder(Generic[F]):
    """What the files in a folder, and in the folders below it, hold; made once for each content.

    Args:
        root: of the repository, with links resolved.
        path: of the folder, relative to it.
        endings: of the names of the files that are meant, in lower case.
        max_bytes: of a file.
        read: makes something of a path, relative to the root and with `/`, and the bytes of the file.
        refuse: makes something of a path and why it is not read.
    """

    def __init__(
        self,
        root: str,
        path: str,
        endings: tuple[str, ...],
        *,
        max_bytes: int,
        read: Callable[[str, bytes], F],
        refuse: Callable[[str, str], F],
    ) -> None:
        self._root = root
        self._path = path
        self._endings = endings
        self._max_bytes = max_bytes
        self._make = read
        self._refuse = refuse
        self._found: dict[str, Signature | str] = {}
        self._unsettled: set[str] = set()
        self._contents: dict[str, bytes | str] = {}
        self._files: dict[str, F] = {}

    def read(self) -> Mapping[str, F]:
        """What is there now, in the order of the paths; the very same mapping as the last time if nothing has changed.

        Not for several threads at once.
        """
        settled_before = time.time_ns() - SETTLED_NS
        found = scan(self._root, self._path, self._endings)
        if found == self._found and not self._unsettled:
            return self._files
        files = {path: file for path, file in self._files.items() if path in found}
        contents = {path: self._contents[path] for path in files}
        unsettled: set[str] = set()
        changed = found.keys() & self._unsettled
        changed.update(path for path, signature in found.items() if self._found.get(path) != signature)
        for path in changed:
            signature = found[path]
            content = self._read_one(path, signature)
            if content is None:
                for known in (found, files, contents):
                    known.pop(path, None)
                continue
            if not isinstance(signature, str) and (isinstance(content, str) or max(signature[1:3]) > settled_before):
                unsettled.add(path)
            if contents.get(path) != content:
                files[path] = self._made(path, content)
                contents[path] = content
        self._found, self._unsettled, self._contents = found, unsettled, contents
        if files != self._files:
            self._files = dict(sorted(files.items()))
        return self._files

    def _read_one(self, path: str, signature: Signature | str) -> bytes | str | None:
        """The bytes of a file, or why they can't be read; `None` if it has gone."""
        if isinstance(signature, str):
            return signature
        try:
            return read_bytes(f"{self._root}/{path}", self._max_bytes)
        except FileNotFoundError:
            return None
        except Unreadable as unreadable:
            return unreadable.message

    def _made(self, path: str, content: bytes | str) -> F:
        return self._refuse(path, content) if isinstance(content, str) else self._make(path, content)
