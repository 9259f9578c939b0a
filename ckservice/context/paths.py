"""Paths inside a repository: what may be read and written, with links followed.

A path that is dangerous on one system is refused on all: repositories travel.
"""

import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path, PurePath

from ckservice.context.disk import Unreadable, read_bytes
from ckservice.context.secrets import is_likely_secret
from ckservice.errors import PathForbidden, RepositoryNotFound

RESERVED_NAMES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in "123456789\u00b9\u00b2\u00b3"}
)
"""Names of devices on Windows, in every folder and with every ending.

https://learn.microsoft.com/windows/win32/fileio/naming-a-file
"""

_MAX_LENGTH = 4096
_MAX_NAME = 255
"""Bytes of a name, on every file system in use."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")  # the last is how the others are shown
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\\]')
_DRIVE = re.compile(r"[A-Za-z]:")
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""What HFS+ leaves out when it compares names."""

_GIT = re.compile(r"\.git|git~[0-9]+")
"""The folder of Git, and what it may be called where names have eight characters."""


def find_root(repo_path: str | None) -> Path:
    """The directory of a repository, with its links resolved.

    Raises:
        RepositoryNotFound: none was named, or there is no such directory.
    """
    if repo_path is None:
        raise RepositoryNotFound(
            "No repository was named: by `repoPath` in the request, `initialize` or the settings, or by CKSERVICE_REPO_PATH."
        )
    try:
        named = Path(repo_path)
        if not named.is_absolute() or not named.is_dir():
            raise RepositoryNotFound("`repoPath` is not an absolute path of a directory.")
        root = named.resolve(strict=True)
        os.scandir(root).close()
    except (OSError, ValueError):  # the latter for what can't be part of a path
        raise RepositoryNotFound("`repoPath` can't be read.") from None
    # POSIX leaves open what two slashes mean at the beginning; on every system in use they are one.
    return Path("/", *root.parts[1:]) if root.anchor == "//" else root


def inside(root: Path, relative: str) -> Path:
    r"""A path inside a repository, with links resolved; it need not exist.

    Args:
        root: of the repository, resolved.
        relative: with `/` or, on Windows, `\`.

    Raises:
        PathForbidden: it is absolute, leads out of the repository or into `.git`, or can't be a path everywhere.
    """
    try:
        resolved = root.joinpath(*_parts(relative)).resolve()
        if not is_inside(os.fspath(root), os.fspath(resolved)):
            raise PathForbidden("The path leads out of the repository, or into .git.")
        with suppress(FileNotFoundError):
            resolved.stat()
    except (OSError, RuntimeError, ValueError):  # links in circles, a file for a folder, no permission
        raise PathForbidden("The path can't be followed.") from None
    return resolved


def inside_contexts(root: Path, relative: str) -> Path:
    """The same for a path where an entity may be written: a YAML file below `contexts/`, and no hidden one.

    Raises:
        PathForbidden: it is no such path.
    """
    parts = _parts(relative)
    if parts[0] != "contexts" or len(parts) == 1:
        raise _no_place("The path is not below contexts/, where entities are.")
    if any(_NOT_ON_WINDOWS.search(part) for part in parts):
        raise _no_place("The path has characters that not every system has in names.")
    resolved = inside(root, relative)
    for place in (parts, resolved.relative_to(root).parts):
        if not place[-1].lower().endswith((".yaml", ".yml")):
            raise _no_place("The path is not that of a file ending with .yaml or .yml.")
        if any(part.startswith(".") for part in place):
            raise _no_place("The path is hidden: entities in it would not be read.")
    return resolved


def is_inside(root: str, resolved: str) -> bool:
    """Whether a path lies in a directory and not in its `.git`. Both are without links."""
    path = PurePath(resolved)
    return path.is_relative_to(root) and not any(_is_git(part) for part in path.relative_to(root).parts)


def read_text(root: Path, relative: str, max_bytes: int = 1_000_000) -> str | None:
    """The text of a file of the repository, as far as it is UTF-8; `None` where there is no such file.

    Args:
        root: of the repository, resolved.
        relative: with `/`.
        max_bytes: that it may have.

    Raises:
        PathForbidden: see `inside`; or it is not a regular file, too large, likely to hold secrets, or may not be read.
    """
    resolved = inside(root, relative)
    if is_likely_secret(resolved.relative_to(root).as_posix()):
        raise PathForbidden(f"{relative} is, or leads to, a file that is likely to hold secrets.")
    try:
        return read_bytes(os.fspath(resolved), max_bytes).decode("utf-8-sig", "replace")
    except FileNotFoundError:
        return None
    except Unreadable as unreadable:
        raise PathForbidden(f"{relative} {unreadable.message}.") from None


def _parts(relative: str) -> list[str]:
    """The names in a path, each of them harmless by itself."""
    path = relative.replace("\\", "/") if os.name == "nt" else relative
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        raise PathForbidden("The path is absolute; paths are relative to the repository.")
    if _CONTROL.search(path) or len(path) > _MAX_LENGTH or "\\" in path:
        raise PathForbidden("The path is too long, or has characters that paths do not have.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise PathForbidden("The path names no file.")
    for part in parts:
        if not part.strip(". "):
            raise PathForbidden("The path leads out of the repository.")
        if _is_git(part):
            raise PathForbidden("The path leads into .git.")
        if part[-1] in ". " or re.split("[.:]", part)[0].rstrip().lower() in RESERVED_NAMES:
            raise PathForbidden("The path has a name that can't be one on Windows.")
        if len(part.encode()) > _MAX_NAME:
            raise PathForbidden("The path has a name that is too long.")
    return parts


def _is_git(name: str) -> bool:
    """Whether some file system takes a name for that of Git's folder."""
    plain = _IGNORED.sub("", unicodedata.normalize("NFKC", name)).casefold()
    return _GIT.fullmatch(plain.partition(":")[0].rstrip(". ")) is not None


def _no_place(message: str) -> PathForbidden:
    """A path that leads nowhere bad, but to no place for an entity."""
    return PathForbidden(message, user_message=message)
