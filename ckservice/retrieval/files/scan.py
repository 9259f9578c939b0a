"""One look at the files of a repository: what is there, and what of it is left out."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ckservice.errors import RepositoryNotFound
from ckservice.retrieval.files.ignoring import Ignoring
from ckservice.retrieval.files.unwanted import PRODUCED, VERSION_CONTROL, unwanted
from ckservice.retrieval.types import LeftOut

MAX_BYTES = 1_000_000
"""Of a file; longer ones are logs and data."""

_IS_WINDOWS = os.name == "nt"

Verdict = LeftOut | Literal["wanted"]


class Signature(NamedTuple):
    """What tells that a file has changed.

    Attributes:
        size: in bytes.
        mtime_ns: when its contents were changed, in nanoseconds since 1970.
    """

    size: int
    mtime_ns: int


@dataclass(slots=True)
class Rules:
    """What decides about paths, and what it has decided so far.

    Attributes:
        ignoring: what `.ckignore` says, and where Git can't be used, `.gitignore`.
        listed: the files that Git has listed; `None` where it can't be used.
        folders: those that listed files are in, each with a `/` at its end.
        verdicts: by path; a folder has a `/` at its end.
        files: the files with rules that lie in the repository, as they were when they were read.
    """

    ignoring: tuple[Ignoring, ...]
    listed: frozenset[str] | None = None
    folders: frozenset[str] = frozenset()
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    files: dict[str, Signature] = field(default_factory=dict)


class Scan:
    """One look. It stops at what only Git can decide about.

    Links are not followed, and nothing is opened but files with rules. Other repositories are not entered, submodules among
    them: each has its own index.

    Args:
        root: of the repository, with links resolved.
        rules: are only read.

    Attributes:
        files: that are wanted, by path.
        left_out: how many are not, by reason.
        rule_files: see `Rules.files`.
        verdicts: that are new.
        waiting: what Git must be asked about.
    """

    def __init__(self, root: str, rules: Rules) -> None:
        self.files: dict[str, Signature] = {}
        self.left_out: Counter[LeftOut] = Counter()
        self.rule_files: dict[str, Signature] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.waiting: dict[str, os.DirEntry[str]] = {}
        self._root = root
        self._rules = rules
        self._rule_names = {".gitignore", *(ignoring.name for ignoring in rules.ignoring)}
        self._folders = [""]

    def run(self) -> None:
        """Look into all folders that are to be looked into.

        Raises:
            RepositoryNotFound: the repository itself can't be read.
        """
        while self._folders:
            folder = self._folders.pop()
            entries = self._entries(folder)
            self._read_rules(folder, entries)
            for entry in entries:
                self._take(entry, folder + entry.name)

    def resume(self, ignored: Iterable[str]) -> None:
        """Go on with what was waiting, now that Git has said which of it is ignored."""
        ignored, waiting, self.waiting = frozenset(ignored), self.waiting, {}
        for path, entry in waiting.items():
            verdict: Verdict = "ignored" if path in ignored else "wanted"
            self.verdicts[path] = verdict
            self._follow(verdict, entry, path)
        self.run()

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{folder}") as found:
                entries = list(found)
        except OSError as error:
            if not folder:
                raise RepositoryNotFound("The directory of the repository can't be read.") from None
            if not isinstance(error, FileNotFoundError | NotADirectoryError):  # else it has gone since it was listed
                self.left_out["unreadable"] += 1
            return []
        kept = [entry for entry in entries if entry.name.lower() not in VERSION_CONTROL]
        if folder and len(kept) < len(entries) and any(entry.name == ".git" for entry in entries):
            self.left_out["nestedRepository"] += 1
            return []
        return kept

    def _read_rules(self, folder: str, entries: list[os.DirEntry[str]]) -> None:
        for entry in entries:
            if entry.name in self._rule_names and (status := _status(entry)) is not None:
                path = folder + entry.name
                self.rule_files[path] = Signature(status.st_size, status.st_mtime_ns)
                if path not in self._rules.files:
                    for ignoring in self._rules.ignoring:
                        if ignoring.name == entry.name:
                            ignoring.read(folder)

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_dir(follow_symlinks=False):
            path += "/"
        verdict = self._rules.verdicts.get(path)
        if verdict is None:
            verdict = self._decide(path)
            if verdict is None:
                self.waiting[path] = entry
                return
            self.verdicts[path] = verdict
        self._follow(verdict, entry, path)

    def _decide(self, path: str) -> Verdict | None:
        rules = self._rules
        reason = unwanted(path)
        if reason is not None:
            return reason
        if any(ignoring.is_ignored(path) for ignoring in rules.ignoring):
            return "ignored"
        if rules.listed is None:
            return "ignored" if path.endswith("/") and path.split("/")[-2].lower() in PRODUCED else "wanted"
        # A submodule is listed like a file.
        return "wanted" if path.removesuffix("/") in rules.listed or path in rules.folders else None

    def _follow(self, verdict: Verdict, entry: os.DirEntry[str], path: str) -> None:
        if verdict != "wanted":
            self.left_out[verdict] += 1
        elif not path.endswith("/"):
            self._add(entry, path)
        elif _is_junction(entry):
            self.left_out["link"] += 1
        else:
            self._folders.append(path)

    def _add(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:  # it has gone since it was listed
            return
        if not stat.S_ISREG(status.st_mode):
            self.left_out["link" if stat.S_ISLNK(status.st_mode) else "special"] += 1
        elif status.st_size > MAX_BYTES:
            self.left_out["tooLarge"] += 1
        else:
            self.files[path] = Signature(status.st_size, status.st_mtime_ns)


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:  # it has gone since it was listed
        return None


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is one of the links to folders that only Windows has.

    https://learn.microsoft.com/windows/win32/fileio/reparse-point-tags
    """
    if not _IS_WINDOWS:
        return False
    status = _status(entry)
    return getattr(status, "st_reparse_tag", 0) == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)
