"""Saves that are interrupted at each of their steps, one after the other, each in a copy of a repository.

    python -m tests.interrupted_saves HOW TEMPLATE RESULTS

A step is anything that the interpreter reports of the file system (sys.addaudithook) from the moment on at which the
journal is created. HOW says what happens there:

    kill      the process is killed
    fail      the step fails, as on a broken disk
    undo      the last renaming fails, and from there on the process is killed
    recover   what was killed is recovered by processes that are killed in turn
    edit      an editor writes one of the files
    tear      the process is killed when it has written so many bytes to one file

RESULTS gets a directory for each, with the repository as it was left. Printed is one line of JSON for each: its name, how
the process ended, and the step.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from ckservice.context.repository import Repository
from ckservice.context.saving import save_new
from ckservice.context.transaction.recovery import recover
from ckservice.errors import CkserviceError, Conflict

STORY = {"id": "US-001", "feature": "FEAT-001", "asA": "guest", "iWant": "in", "soThat": "I am", "impacts": {}}
SPEC = {"id": "SPEC-001", "title": "How", "related": {"features": ["FEAT-001", "FEAT-002"]}}
_STEPS = ("open", "os.")
EDITED = b"# an editor wrote this\n"

Work = Callable[[Path], object]
Act = Callable[[Path], object]


def save_spec(root: Path) -> None:
    """One new file in a new folder, and links to it in two others."""
    save_new(Repository(root), SPEC, "spec")


def interrupted(root: Path, work: Work, step: int, act: Act, *, of: tuple[str, ...] = _STEPS) -> tuple[str, str]:
    """Do some work in a child process, and something else at one of its steps: how the child ended, and at what."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        ending = 4
        try:
            _interrupt(root, step, act, of, writing)
            work(root)
            ending = 0
        except Conflict:
            ending = 2
        except CkserviceError:
            ending = 3
        finally:
            os._exit(ending)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        event = pipe.read().decode()
    ended = {0: "done", 2: "conflict", 3: "failed", -signal.SIGKILL: "killed", -signal.SIGXFSZ: "killed"}
    return ended.get(os.waitstatus_to_exitcode(status), "crashed"), event


def _interrupt(root: Path, step: int, act: Act, of: tuple[str, ...], told: int) -> None:
    seen = 0
    is_begun = is_busy = False

    def hook(event: str, arguments: Any) -> None:
        nonlocal seen, is_begun, is_busy
        is_begun = is_begun or any(".ckservice-" in str(argument) for argument in arguments)
        if is_busy or not is_begun or not event.startswith(of):
            return
        seen += 1
        if seen == step:
            is_busy = True
            os.write(told, event.encode())
            try:
                act(root)
            finally:
                is_busy = False

    sys.addaudithook(hook)


def kill(_root: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(_root: Path) -> None:
    raise OSError(5, "the disk is broken")


def edit(root: Path) -> None:
    (root / "contexts/features/FEAT-002.yaml").write_bytes(EDITED)


def fail_and_be_killed(after: int) -> Act:
    """Fail now, and have the process killed some steps later."""

    def act(root: Path) -> None:
        _interrupt(root, after, kill, _STEPS, sys.stderr.fileno())
        raise OSError(5, "the disk is broken")

    return act


def killed_at_size(size: int) -> Work:
    def work(root: Path) -> None:
        import resource  # POSIX only, as forking is

        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        save_spec(root)

    return work


def main(how: str, template: Path, results: Path) -> None:
    match how:
        case "kill" | "fail" | "edit":
            act = {"kill": kill, "fail": fail, "edit": edit}[how]
            for step in count(1):
                root = _copy(template, results, f"{step:03}")
                ended, event = interrupted(root, save_spec, step, act)
                _tell(root, ended, event)
                if not event:
                    return
        case "undo":
            for after in count(1):
                root = _copy(template, results, f"{after:03}")
                ended, event = interrupted(root, save_spec, 3, fail_and_be_killed(after), of=("os.rename",))
                _tell(root, ended, event)
                if ended != "killed":
                    return
        case "tear":
            for size in range(0, 3000, 61):
                root = _copy(template, results, f"{size:04}")
                ended, event = interrupted(root, killed_at_size(size), -1, kill)
                _tell(root, ended, event)
        case _:
            _recover_everywhere(template, results)


def _recover_everywhere(template: Path, results: Path) -> None:
    for step in count(1):
        left = _copy(template, results, f"left-{step:03}")
        _, event = interrupted(left, save_spec, step, kill)
        for again in count(1) if event in ("os.chmod", "os.rename", "os.remove") else ():
            root = _copy(left, results, f"{step:03}-{again:03}")
            ended, next_event = interrupted(root, recover, again, kill, of=("os.re", "os.rm"))
            _tell(root, ended, next_event)
            if not next_event:
                break
        shutil.rmtree(left)
        if not event:
            return


def _copy(source: Path, results: Path, name: str) -> Path:
    return Path(shutil.copytree(source, results / name))


def _tell(root: Path, ended: str, event: str) -> None:
    print(json.dumps([root.name, ended, event]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve())
