"""What Git says about a repository. Paths are relative to the directory that was asked about, with `/`."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ckservice.model import Maybe, Model

FileStateName = Literal["modified", "added", "deleted", "renamed", "copied", "typeChanged", "untracked", "conflicted"]


class GitState(Model):
    """How a repository stands with Git."""

    available: bool
    message: Maybe[str] = Field(None, description="Why Git can't be used, and what to do.")
    branch: Maybe[str] = Field(None, description="Left out where HEAD is detached.")
    head: Maybe[str] = Field(None, description="Commit, in hexadecimal; left out before the first one.")
    changed: Maybe[int] = Field(None, description="Files that are modified, deleted, renamed or untracked.")


class FileState(Model):
    """A file that is not as it is in the last commit."""

    path: str
    status: FileStateName
    staged: bool = Field(description="Whether a change of it is in the index.")
    previous_path: Maybe[str] = Field(None, description="Of a renamed or copied file.")


class Status(Model):
    """The work tree compared with the index, and the index with the last commit."""

    branch: Maybe[str] = Field(None, description="Left out where HEAD is detached.")
    head: Maybe[str] = Field(None, description="Commit, in hexadecimal; left out before the first one.")
    files: list[FileState] = Field(description="By path.")
    cut: bool = Field(description="Whether there are more files than are listed.")


class Diff(Model):
    """A comparison as text."""

    text: str = Field(description="In Git's unified format.")
    cut: bool = Field(description="Whether there is more than is shown.")


class Commit(Model):
    """A commit."""

    hash: str = Field(description="In hexadecimal.")
    parents: list[str]
    author: str
    date: str = Field(description="When it was written, in ISO 8601 with the author's time zone.")
    subject: str = Field(description="The first paragraph of its message, on one line.")


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file in a commit.

    Attributes:
        path: where bytes are no UTF-8 they are escaped as in names of files (PEP 383).
        hash: of its blob, in hexadecimal.
        is_link: it is a symbolic link, and its content a path.
    """

    path: str
    hash: str
    is_link: bool
