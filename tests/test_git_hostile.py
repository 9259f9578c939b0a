"""What a repository's configuration names is never run: every setting that can is tried with a program that tells on it."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from ckservice.context.git.repository import Git
from ckservice.errors import GitFailed
from tests.git_repository import GitRepository

pytestmark = pytest.mark.source

SPEC = "contexts/specs/SPEC-001.yaml"
SIGNATURE = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n"

Settings = dict[str, str]


class Trap:
    """A repository with a changed file in it, and a program that leaves a mark when it is run."""

    def __init__(self, path: Path) -> None:
        self.repository = GitRepository.create(path / "repository")
        self.repository.write(SPEC, "id: SPEC-001\ntitle: One\ncontent: old\n")
        self.repository.write(".gitattributes", "*.yaml filter=evil diff=evil\n")
        self.commit = self.repository.commit()
        self._mark = path / "it-ran"
        self.program = path / "program"
        self.program.write_text(f'#!/bin/sh\necho "$0 $@" >> "{self._mark.as_posix()}"\n')
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        # The same size and another time: Git has to read the file to know whether it has changed.
        file = self.repository.write(SPEC, "id: SPEC-001\ntitle: One\ncontent: new\n")
        os.utime(file, (1, 1))

    def set(self, settings: Settings) -> None:
        for key, value in settings.items():
            self.repository.git("config", key, value.replace("PROGRAM", self.program.as_posix()))

    def has_run(self) -> bool:
        found = self._mark.exists()
        self._mark.unlink(missing_ok=True)
        return found

    def springs_for(self, *command: str) -> bool:
        """Whether the program is run when a user gives a command."""
        try:
            self.repository.git(*command)
        except AssertionError:  # Git fails when the program does not do its work
            assert (self.repository.root / ".git").exists()
        return self.has_run()

    async def look(self) -> None:
        """Do all that is ever done."""
        git = Git(self.repository.root.resolve(), {**os.environ, "HOME": str(self.repository.root.parent)})
        status = await git.status()
        assert [file.path for file in status.files] == [SPEC], status
        difference = await git.diff()
        assert difference is not None
        assert "-content: old\n+content: new\n" in difference.text
        log = await git.log()
        assert log is not None
        assert log[-1].subject == "A commit"
        head = await git.resolve("HEAD")
        assert head is not None
        listed = {file.path: file.hash for file in await git.files(head, ["contexts"])}
        assert (await git.blobs(listed.values()))[listed[SPEC]] == b"id: SPEC-001\ntitle: One\ncontent: old\n"
        assert await git.show("HEAD", SPEC) == b"id: SPEC-001\ntitle: One\ncontent: old\n"
        assert await git.resolve("nowhere") is None
        assert (await git.state()).changed == 1
        assert await git.listed() >= {SPEC, ".gitattributes"}
        assert await git.matched([SPEC]) == frozenset()
        assert (self.repository.root / ".git/index").resolve() in await git.deciding_files()


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ({"core.fsmonitor": "PROGRAM"}, ["status"]),
        ({"core.hooksPath": "HOOKS"}, ["update-index", "--force-write-index"]),
        ({"diff.external": "PROGRAM"}, ["diff"]),
        ({"diff.evil.command": "PROGRAM"}, ["diff"]),
        ({"diff.evil.textconv": "PROGRAM"}, ["diff"]),
        ({"filter.evil.clean": "PROGRAM"}, ["status"]),
        ({"filter.evil.clean": "PROGRAM", "filter.evil.required": "true"}, ["diff"]),
        ({"filter.evil.process": "PROGRAM"}, ["status"]),
        ({"filter.evil.smudge": "PROGRAM"}, ["cat-file", "--filters", f"HEAD:{SPEC}"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
async def test_what_runs_for_a_user_does_not_run_for_us(trap: Trap, settings: Settings, command: list[str]) -> None:
    if "core.hooksPath" in settings:
        hooks = trap.program.parent / "hooks"
        hooks.mkdir()
        shutil.copy2(trap.program, hooks / "post-index-change")
        settings = {"core.hooksPath": hooks.as_posix()}
    trap.set(settings)
    assert trap.springs_for(*command)
    os.utime(trap.repository.root / SPEC, (2, 2))
    await trap.look()
    assert not trap.has_run()


@pytest.mark.parametrize(
    "settings",
    [
        {"core.sshCommand": "PROGRAM", "core.gitProxy": "PROGRAM", "core.askPass": "PROGRAM"},
        {"core.pager": "PROGRAM", "pager.status": "PROGRAM", "pager.diff": "PROGRAM", "pager.log": "true"},
        {"core.editor": "PROGRAM", "sequence.editor": "PROGRAM"},
        {"credential.helper": "!PROGRAM"},
        {"core.alternateRefsCommand": "PROGRAM", "uploadpack.packObjectsHook": "PROGRAM"},
        {"alias.status": "!PROGRAM", "alias.diff": "!PROGRAM", "alias.rev-parse": "!PROGRAM"},
        {"interactive.diffFilter": "PROGRAM", "diff.tool": "evil", "difftool.evil.cmd": "PROGRAM"},
        {"diff.orderFile": "/dev/zero", "status.submoduleSummary": "true", "diff.submodule": "log"},
        {
            "color.ui": "always",
            "diff.noprefix": "true",
            "status.short": "true",
            "log.decorate": "full",
            "format.pretty": "raw",
        },
        {"core.quotePath": "true", "diff.relative": "true", "status.showUntrackedFiles": "no", "diff.context": "0"},
    ],
    ids=" ".join,
)
async def test_what_is_set_changes_nothing(trap: Trap, settings: Settings) -> None:
    trap.set(settings)
    await trap.look()
    assert not trap.has_run()


async def test_a_filter_with_an_odd_name_is_switched_off_too(trap: Trap) -> None:
    trap.repository.write(".gitattributes", '*.yaml filter=a=b.c"d\n')
    trap.repository.git("config", 'filter.a=b.c"d.clean', trap.program.as_posix())
    trap.repository.git("config", "filter.evil.clean", trap.program.as_posix())
    assert trap.springs_for("status")
    trap.repository.commit(paths=[".gitattributes"])
    trap.has_run()
    os.utime(trap.repository.root / SPEC, (3, 3))
    git = Git(trap.repository.root.resolve())
    assert [file.path for file in (await git.status()).files] == [SPEC]
    assert not trap.has_run()


async def test_an_included_configuration_is_no_way_around(trap: Trap) -> None:
    more = trap.program.parent / "more"
    program = trap.program.as_posix()
    more.write_text(
        f'[core]\n fsmonitor = "{program}"\n[filter "evil"]\n clean = "{program}"\n[diff]\n external = "{program}"\n'
    )
    trap.set({"include.path": more.as_posix(), "includeIf.gitdir:**.path": more.as_posix()})
    assert trap.springs_for("status")
    await trap.look()
    assert not trap.has_run()


async def test_attributes_outside_the_tree_are_no_way_around(trap: Trap) -> None:
    (trap.repository.root / ".git/info").mkdir(exist_ok=True)
    (trap.repository.root / ".git/info/attributes").write_text("* filter=other diff=other\n")
    trap.set({"filter.other.clean": "PROGRAM", "diff.other.textconv": "PROGRAM", "diff.other.command": "PROGRAM"})
    assert trap.springs_for("diff")
    await trap.look()
    assert not trap.has_run()


async def test_signatures_are_not_checked(trap: Trap) -> None:
    commit = trap.repository.git("cat-file", "commit", trap.commit)
    head, _, message = commit.partition("\n\n")
    signed = trap.repository.git(
        "hash-object", "-t", "commit", "-w", "--stdin", given=f"{head}\n{SIGNATURE}\n{message}\n"
    )
    trap.repository.git("update-ref", "HEAD", signed)
    trap.set({"gpg.program": "PROGRAM", "log.showSignature": "true", "gpg.openpgp.program": "PROGRAM"})
    assert trap.springs_for("log")
    await trap.look()
    assert not trap.has_run()


async def test_what_a_partial_clone_lacks_is_not_fetched(trap: Trap) -> None:
    trap.set(
        {
            "core.repositoryFormatVersion": "1",
            "extensions.partialClone": "origin",
            "remote.origin.promisor": "true",
            "remote.origin.url": "ext::PROGRAM",
            "remote.origin.uploadpack": "PROGRAM",
            "protocol.ext.allow": "always",
        }
    )
    blob = trap.repository.git("rev-parse", f"HEAD:{SPEC}")
    (trap.repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert trap.springs_for("cat-file", "blob", blob)
    git = Git(trap.repository.root.resolve())
    assert await git.blobs([blob]) == {}
    assert await git.show("HEAD", SPEC) is None
    with pytest.raises(GitFailed):
        await git.diff()
    assert (await git.status()).files[0].path == SPEC
    assert not trap.has_run()


async def test_traces_are_not_written(trap: Trap) -> None:
    target = trap.program.parent / "trace"
    trap.set({"trace2.eventTarget": target.as_posix(), "trace2.normalTarget": target.as_posix()})
    environ = {**os.environ, "GIT_TRACE": str(target), "GIT_TRACE2_EVENT": str(target)}
    assert (await Git(trap.repository.root.resolve(), environ).state()).available
    assert not target.exists()


async def test_a_submodule_is_not_looked_into(trap: Trap) -> None:
    inner = GitRepository.create(trap.program.parent / "inner")
    inner.write("file", "one\n")
    inner.commit()
    trap.repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "module")
    trap.repository.commit(paths=["module", ".gitmodules"])
    module = GitRepository(trap.repository.root / "module")
    module.write("file", "two\n")
    module.git("config", "core.fsmonitor", trap.program.as_posix())
    trap.set({"submodule.recurse": "true", "diff.ignoreSubmodules": "none", "submodule.module.update": "!PROGRAM"})
    assert trap.springs_for("status", "--ignore-submodules=none")
    await trap.look()
    assert not trap.has_run()


async def test_a_bare_repository_among_the_files_is_refused(trap: Trap) -> None:
    inner = GitRepository.create(trap.repository.root / "contexts/inner", "--bare")
    inner.git("config", "core.fsmonitor", trap.program.as_posix())
    for settings in ({}, {"core.bare": "false", "core.worktree": ".."}):
        for key, value in settings.items():
            inner.git("config", key, value)
        state = await Git(inner.root.resolve()).state()
        assert not state.available
        assert "bare" in str(state.message)
    assert not trap.has_run()


@pytest.mark.parametrize("elsewhere", ["/", "..", "contexts", "/nowhere/at/all"])
async def test_a_work_tree_that_is_elsewhere_is_refused(trap: Trap, elsewhere: str) -> None:
    trap.set({"core.worktree": (trap.repository.root / elsewhere).as_posix()})
    state = await Git(trap.repository.root.resolve()).state()
    assert not state.available
    assert str(trap.repository.root) not in str(state.message)


async def test_the_environment_does_not_reach_git(trap: Trap) -> None:
    program = str(trap.program)
    variables = {
        "GIT_DIR": "/nowhere",
        "GIT_WORK_TREE": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": program,
        "GIT_SSH_COMMAND": program,
        "GIT_EXEC_PATH": "/nowhere",
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='{program}'",
        "GIT_CONFIG_GLOBAL": "/nowhere",
        "GIT_PAGER": program,
        "LD_PRELOAD": "/nowhere.so",
        "CKSERVICE_TOKEN": "secret",
    }
    git = Git(trap.repository.root.resolve(), {**os.environ, **variables})
    assert (await git.state()).changed == 1
    checkout = await git.open()
    assert not {name for name, value in checkout.env.items() if name in variables and value == variables[name]}
    assert "secret" not in checkout.env.values()
    assert not trap.has_run()


async def test_git_is_never_taken_from_the_repository_or_a_relative_folder(
    trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trap.repository.root)
    own = trap.repository.root / "bin"
    own.mkdir()
    shutil.copy2(trap.program, own / "git")
    shutil.copy2(trap.program, trap.repository.root / "git")
    path = os.pathsep.join(["", ".", "bin", str(own)])
    state = await Git(trap.repository.root.resolve(), {"PATH": path}).state()
    assert not state.available
    assert "not installed" in str(state.message)
    found = await Git(
        trap.repository.root.resolve(), {**os.environ, "PATH": path + os.pathsep + os.environ["PATH"]}
    ).state()
    assert found.available
    assert not trap.has_run()
