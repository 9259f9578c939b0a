"""What comes of saving."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written, or would be.

    Attributes:
        path: relative to the repository, with `/`.
        created: whether the file was not there before.
        hash: SHA-256 of the file's bytes, in hexadecimal.
        diff: unified, of all files of the change; empty where nothing changed.
    """

    path: str
    created: bool
    hash: str
    diff: str
