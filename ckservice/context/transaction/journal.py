"""What is left to do of a change, written down before each step of it.

The journal is a hidden file in the directory of the repository. Each of its lines is a plan as JSON, and the last whole
line is in force: what remains to be done if the process ends here. It says first to throw away what has been prepared,
then to put all of it in place, and if that fails half-way to bring back what was there.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ckservice.context.paths import inside
from ckservice.context.transaction.durable import NEW_FILE, read_bytes, sync_directory, write_whole
from ckservice.errors import PathForbidden

_NAME = re.compile(r"\.ckservice-([0-9a-f]{16})\.journal")
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Replacement:
    """One file that is to get other content.

    Attributes:
        target: path below the repository, with `/`, without links.
        temporary: the file that is to take its place; `None` where it is to be removed.
        before: SHA-256 of what is in it now; `None` where it is not there.
        after: SHA-256 of what will be in it; `None` where it is to be removed.
    """

    target: str
    temporary: str | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left to do, in this order.

    Attributes:
        replacements: to make.
        temporaries: to remove, if they are there.
        directories: to remove, if they are there and empty.
        is_undoing: whether it leads back to what was there before.
    """

    replacements: tuple[Replacement, ...] = ()
    temporaries: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    is_undoing: bool = False

    @property
    def paths(self) -> Iterator[str]:
        """All that it names."""
        yield from (replacement.target for replacement in self.replacements)
        yield from self.temporary_paths
        yield from self.directories

    @property
    def temporary_paths(self) -> Iterator[str]:
        yield from self.temporaries
        yield from (made.temporary for made in self.replacements if made.temporary is not None)


class Journal:
    """The journal of one change, as the process that makes the change sees it.

    Raises:
        OSError: it can't be written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._token = os.urandom(8).hex()
        self._path = root / f".ckservice-{self._token}.journal"
        self._descriptor = os.open(self._path, NEW_FILE, 0o666)

    def temporary(self, target: str, number: int, kind: str) -> str:
        """A path beside a target that only this change uses."""
        folder, _, _ = target.rpartition("/")
        name = f".ckservice-{self._token}-{number}.{kind}.tmp"
        return f"{folder}/{name}" if folder else name

    def note(self, plan: Plan, *, is_durable: bool = False) -> None:
        """Put a plan in force.

        Args:
            plan: in place of the one before.
            is_durable: have it on the disk before anything else happens.
        """
        write_whole(self._descriptor, json.dumps(asdict(plan)).encode() + b"\n")
        if is_durable:
            os.fsync(self._descriptor)
            sync_directory(self._root)

    def close(self) -> None:
        """Leave it to whoever comes next."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """There is nothing left to do."""
        os.close(self._descriptor)
        with suppress(OSError):  # what it says is done already, and does no harm when it is done again
            self._path.unlink()


@dataclass(frozen=True, slots=True)
class Leftover:
    """The journal of a change whose process may be gone.

    Attributes:
        plan: that is in force; an empty one where there is none that could be ours.
        written_at: seconds since the epoch, by the clock of the disk.
    """

    path: Path
    plan: Plan
    written_at: float

    @classmethod
    def read(cls, root: Path, path: Path) -> Self | None:
        """Read one; `None` where it is gone, or no file."""
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                return None
            data = read_bytes(path) if found.st_size <= _MAX_BYTES else b""
        except FileNotFoundError:
            return None
        if data is None:
            return None
        whole_lines = data.split(b"\n")[:-1]
        plan = _parse(whole_lines[-1]) if whole_lines else Plan()
        return cls(path, plan if _is_ours(root, path, plan) else Plan(), found.st_mtime)


def find_journals(root: Path) -> list[Path]:
    """The journals in a repository, by name. Takes microseconds."""
    try:
        with os.scandir(root) as entries:
            return sorted(root / entry.name for entry in entries if _NAME.fullmatch(entry.name))
    except OSError:
        return []


def _parse(line: bytes) -> Plan:
    try:
        plan = json.loads(line)
        return Plan(
            tuple(Replacement(**made) for made in plan["replacements"]),
            tuple(plan["temporaries"]),
            tuple(plan["directories"]),
            plan["is_undoing"] is True,
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return Plan()


def _is_ours(root: Path, path: Path, plan: Plan) -> bool:
    """Whether a plan stays in the repository and moves only its own temporaries: a journal may come with a clone."""
    name = _NAME.fullmatch(path.name)
    assert name is not None
    temporary = re.compile(rf"\.ckservice-{name[1]}-[0-9]+\.(?:new|old)\.tmp")
    paths: list[Any] = list(plan.paths)
    if not all(isinstance(found, str) for found in paths):
        return False
    if not all(temporary.fullmatch(found.rpartition("/")[2]) for found in plan.temporary_paths):
        return False
    try:
        return all(inside(root, found) == root / found for found in paths)
    except PathForbidden:
        return False
