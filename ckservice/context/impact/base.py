"""The entities of a repository as they were in a commit: what is read is only what is different on disk."""

import unicodedata
from collections.abc import Mapping
from functools import partial

from ckservice.context.files import CONTEXTS, ENDINGS, File, read_file
from ckservice.context.git.model import TreeFile
from ckservice.context.git.parsing import blob_hash
from ckservice.context.git.repository import Git
from ckservice.context.repositories import Repositories
from ckservice.errors import GitFailed


async def read_base(repositories: Repositories, git: Git, commit: str, now: Mapping[str, File]) -> dict[str, File]:
    """The files of a commit that hold entities, by path. Those that have not changed are the ones given.

    Args:
        repositories: compare and read on their threads.
        git: of the repository.
        commit: in hexadecimal.
        now: what is in the repository now.

    Raises:
        GitFailed: Git can't be used, or lacks what is in the commit.
    """
    object_format = (await git.open()).object_format
    # A link leads out of contexts/, to where its file has its place: there it is in the commit, too.
    folders = sorted({CONTEXTS, *(path.partition("/")[0] for path in now)})
    listed = [file for file in await git.files(commit, folders) if _holds_entities(file, now)]
    base = await repositories.run(partial(_unchanged, listed, now, object_format))
    changed = [file for file in listed if file.path not in base]
    blobs = await git.blobs(sorted({file.hash for file in changed}))
    if any(file.hash not in blobs for file in changed):
        message = "Files of that revision are missing, as in a partial clone; `git checkout` of it brings them."
        raise GitFailed(message, user_message=message)
    read = partial(_read, {file.path: blobs[file.hash] for file in changed})
    base |= await repositories.run(read)
    return dict(sorted(base.items()))


def _holds_entities(file: TreeFile, now: Mapping[str, File]) -> bool:
    """Whether a file would be read if it were on disk."""
    path = file.path
    if file.is_link or path in now:
        return not file.is_link
    if not path.startswith(f"{CONTEXTS}/") or not path.lower().endswith(ENDINGS):
        return False
    if any(part.startswith(".") for part in path.split("/")):
        return False
    return path.isprintable() or all(unicodedata.category(character) not in ("Cc", "Cs") for character in path)


def _unchanged(listed: list[TreeFile], now: Mapping[str, File], object_format: str) -> dict[str, File]:
    return {
        file.path: found
        for file in listed
        if (found := now.get(file.path)) is not None and _is_kept_as(found.data, file.hash, object_format)
    }


def _is_kept_as(data: bytes, digest: str, object_format: str) -> bool:
    if blob_hash(data, object_format) == digest:
        return True
    # With core.autocrlf Git keeps other line ends than are on disk.
    return b"\r\n" in data and blob_hash(data.replace(b"\r\n", b"\n"), object_format) == digest


def _read(contents: Mapping[str, bytes]) -> dict[str, File]:
    return {path: read_file(path, data) for path, data in contents.items()}
