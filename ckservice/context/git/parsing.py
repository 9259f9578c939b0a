"""Git's formats for programs.

https://git-scm.com/docs/git-status#_porcelain_format_version_2, https://git-scm.com/docs/git-ls-tree#_output_format,
https://git-scm.com/docs/git-cat-file#_batch_output
"""

import hashlib
import re
from collections.abc import Iterator

from ckservice.context.git.model import Commit, Diff, FileState, FileStateName, Status, TreeFile

COMMIT_FORMAT = "%H%n%P%n%an%n%aI%n%s"
"""Five lines, none of which can hold a line break."""

_TOUCHED = re.compile(r"^diff --git .*\n(?=diff --git |\Z)", re.MULTILINE)

_NAMES: dict[str, FileStateName] = {
    "M": "modified",
    "A": "added",
    "D": "deleted",
    "R": "renamed",
    "C": "copied",
    "T": "typeChanged",
}


def parse_status(data: bytes, prefix: str, *, is_cut: bool) -> Status:
    """The output of `status --porcelain=v2 -z --branch`.

    Args:
        data: the output; what stands behind its last null character is a part of an entry, and passed over.
        prefix: of the directory in the work tree, which paths are to be without.
        is_cut: the output is not all.
    """
    entries = iter(data.decode("utf-8", "replace").split("\0")[:-1])
    head, branch, files = None, None, []
    for entry in entries:
        if entry.startswith("# branch.oid "):
            head = entry.removeprefix("# branch.oid ").replace("(initial)", "") or None
        elif entry.startswith("# branch.head "):
            branch = entry.removeprefix("# branch.head ").replace("(detached)", "") or None
        elif entry[:2] in ("1 ", "2 ", "u ", "? ") and (file := _file_state(entry, entries, prefix)) is not None:
            files.append(file)
    files.sort(key=lambda file: file.path)
    return Status(branch=branch, head=head, files=files, cut=is_cut)


def _file_state(entry: str, more: Iterator[str], prefix: str) -> FileState | None:
    kind = entry[0]
    if kind == "?":
        return FileState(path=entry[2:].removeprefix(prefix), status="untracked", staged=False)
    fields = entry.split(" ", {"1": 8, "2": 9, "u": 10}[kind])
    path, staged, unstaged = fields[-1].removeprefix(prefix), fields[1][0], fields[1][1]
    if kind == "u":
        return FileState(path=path, status="conflicted", staged=False)
    previous = next(more, None) if kind == "2" else None
    if kind == "2" and previous is None:
        return None
    letter = fields[8][0] if kind == "2" else unstaged if unstaged != "." else staged
    return FileState(
        path=path,
        status=_NAMES.get(letter, "modified"),
        staged=staged != ".",
        previous_path=previous.removeprefix(prefix) if previous is not None else None,
    )


def parse_diff(data: bytes, *, is_cut: bool) -> Diff:
    """The output of `diff`, without the headers of files that have only been touched."""
    return Diff(text=_TOUCHED.sub("", data.decode("utf-8", "replace")), cut=is_cut)


def parse_tree(data: bytes) -> list[TreeFile]:
    """The output of `ls-tree -r -z`, without submodules."""
    files = []
    for entry in data.split(b"\0")[:-1]:
        facts, _, path = entry.partition(b"\t")
        mode, kind, digest = facts.split(b" ")
        if kind == b"blob":
            is_link = mode == b"120000"
            files.append(TreeFile(path.decode("utf-8", "surrogateescape"), digest.decode("ascii"), is_link))
    return files


def parse_blobs(data: bytes) -> dict[str, bytes]:
    """The output of `cat-file --batch`, by hash; what is missing or no blob is left out."""
    blobs, place = {}, 0
    while (end := data.find(b"\n", place)) >= 0:
        facts = data[place:end].split(b" ")
        place = end + 1
        if len(facts) == 3 and facts[2].isdigit():
            size = int(facts[2])
            if facts[1] == b"blob":
                blobs[facts[0].decode("ascii")] = data[place : place + size]
            place += size + 1
    return blobs


def blob_hash(data: bytes, object_format: str) -> str:
    """The hash under which Git keeps a file, in hexadecimal: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects.

    Args:
        data: its content, with the line ends that Git keeps.
        object_format: `sha1` or `sha256`.
    """
    return hashlib.new(object_format, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def parse_log(data: bytes) -> list[Commit]:
    """The output of `log -z` in `COMMIT_FORMAT`."""
    commits = []
    for entry in data.decode("utf-8", "replace").split("\0"):
        lines = entry.split("\n", 4)
        if len(lines) == 5:
            digest, parents, author, date, subject = lines
            commits.append(Commit(hash=digest, parents=parents.split(), author=author, date=date, subject=subject))
    return commits
