"""The Git repository that a directory is in."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ckservice.context.git.executable import MARK, configuration, environment, find_git, search_path
from ckservice.context.git.model import Commit, Diff, GitState, Status, TreeFile
from ckservice.context.git.parsing import COMMIT_FORMAT, parse_blobs, parse_diff, parse_log, parse_status, parse_tree
from ckservice.context.git.process import Output, run
from ckservice.errors import GitFailed

_SECONDS = 10.0
_MAX_BYTES = 8 * 1024 * 1024
_MAX_BLOBS_BYTES = 64 * 1024 * 1024
_MAX_NAMES_BYTES = 64 * 1024 * 1024
_MAX_REVISION = 256
_EMPTY_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

_STATUS = (
    *("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all", "--ignore-submodules=dirty"),
    *("--find-renames", "--no-ahead-behind"),
)
_IGNORED = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
_LISTED = ("ls-files", "--cached", "--others", "--exclude-standard", "-z")
_MATCHED = ("check-ignore", "--no-index", "--stdin", "-z")
_DIFF = (
    *("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3"),
    *("--find-renames", "--submodule=short", "--ignore-submodules=dirty", "--relative"),
)
_LOG = (
    *("log", "-z", f"--format={COMMIT_FORMAT}", "--encoding=UTF-8", "--no-show-signature", "--no-color"),
    *("--no-decorate", "--no-ext-diff", "--no-patch"),
)
_FACTS = (
    *("rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-object-format", "--show-cdup"),
    "--show-prefix",
)
"""The last one may hold line breaks."""

_FOLDERS = ("rev-parse", "--absolute-git-dir", "--is-inside-work-tree", "--git-common-dir")
"""Both may hold line breaks; what is between them is `true`."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree that Git was found to be right about.

    Attributes:
        executable: Git's absolute path.
        env: that it runs in, without the filters that its configuration names.
        prefix: of the directory in the work tree: empty, or with a `/` at its end.
        object_format: `sha1` or `sha256`.
        is_shallow: older commits were left out when it was cloned.
    """

    executable: str
    env: Mapping[str, str]
    prefix: str
    object_format: str
    is_shallow: bool


class Git:
    """The Git repository that a directory is in. All paths are relative to the directory, with `/`.

    Nothing is written, nothing is fetched, and no program is run that the repository names. Every method but `state`
    and `ignored` raises `GitFailed`, with a message that says what to do: Git is not installed, there is no repository,
    it belongs to somebody else, it has no work tree or is broken, or Git takes longer than ten seconds.

    Args:
        root: the directory, with links resolved; it may lie below the top of the work tree.
        environ: the environment of this process, of which Git sees little.
    """

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._root = root
        self._environ = environ
        self._checkout: Checkout | None = None

    async def state(self) -> GitState:
        """Branch, commit and the number of changes; says why where Git can't be used, and never fails."""
        try:
            status = await self.status()
        except GitFailed as error:
            return GitState(available=False, message=error.message)
        return GitState(available=True, branch=status.branch, head=status.head, changed=len(status.files))

    async def status(self) -> Status:
        """What is not as in the last commit, file by file; untracked folders are looked into, ignored ones are not."""
        checkout = await self.open()
        output = await self._run(*_STATUS, "--", ".")
        return parse_status(output.data, checkout.prefix, is_cut=output.is_cut)

    async def ignored(self, folders: Sequence[str]) -> frozenset[str]:
        """The files in some folders that `.gitignore` and its like leave out; none where Git can't be used.

        Raises:
            GitFailed: there are too many to list. Nobody may take those that are missing for files that are not ignored.
        """
        try:
            output = await self._run(*_IGNORED, "--", *folders, max_bytes=_MAX_NAMES_BYTES)
        except GitFailed:
            return frozenset()
        return frozenset(_names(output))

    async def listed(self) -> frozenset[str]:
        """The files that Git has in its index, and those that it would take into it.

        A submodule is listed as a file, another repository that is none as a folder, with a `/` at its end.
        """
        return frozenset(_names(await self._run(*_LISTED, "--", ".", max_bytes=_MAX_NAMES_BYTES)))

    async def matched(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of some paths that `.gitignore` and its like leave out unless Git has them in its index.

        Args:
            paths: of files, and of folders with a `/` at their ends; they need not exist.
        """
        checkout = await self.open()
        env = {**checkout.env, "GIT_LITERAL_PATHSPECS": "0"}  # it refuses to be told so
        given = "".join(f"./{path}\0" for path in paths).encode("utf-8", "surrogateescape")  # `:` alone is magic
        output = await self._run_with(
            checkout.executable, env, _MATCHED, given=given, max_bytes=_MAX_NAMES_BYTES, codes=(0, 1)
        )
        return frozenset(path.removeprefix("./") for path in _names(output))

    async def deciding_files(self) -> tuple[Path, ...]:
        """The files outside of the directory that say what is ignored; they need not exist. Git's index is one of them."""
        checkout = await self.open()
        folder, _, common = _decode(await self._run(*_FOLDERS)).removesuffix("\n").partition("\ntrue\n")
        above = self._root.parents[: checkout.prefix.count("/")]
        return (
            Path(folder, "index"),
            self._root / common / "info" / "exclude",
            *(parent / ".gitignore" for parent in above),
            *await self._global_excludes(),
        )

    async def diff(self, base: str = "HEAD", *, paths: Sequence[str] = (".",)) -> Diff | None:
        """Compare files of a commit with the work tree; `None` where there is no such commit.

        Before the first commit, `HEAD` is empty. Untracked files are not shown. At most 8 MiB are.
        """
        commit = await self._commit_or_empty_tree(base)
        if commit is None:
            return None
        output = await self._run(*_DIFF, commit, "--", *paths)
        return parse_diff(output.data, is_cut=output.is_cut)

    async def log(self, revision: str = "HEAD", *, limit: int = 50, paths: Sequence[str] = ()) -> list[Commit] | None:
        """Commits from a revision backwards, the newest first; `None` where there is no such revision.

        Without paths they are those of the whole Git repository, of which the directory may be a part.
        """
        commit = await self.resolve(revision)
        if commit is None:
            return [] if await self.is_unborn(revision) else None
        output = await self._run(*_LOG, f"--max-count={limit}", commit, "--", *paths)
        return parse_log(output.data)

    async def show(self, revision: str, path: str) -> bytes | None:
        """A file as it was in a commit, of at most 8 MiB; `None` where there is no such commit or file in it."""
        commit = await self.resolve(revision)
        if commit is None or "\0" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
            return None
        checkout = await self.open()
        output = await self._run("cat-file", "blob", f"{commit}:{checkout.prefix}{path}", codes=(0, 128))
        if output.is_cut:
            raise _failed(f"The file has more than {_MAX_BYTES:,} bytes in that revision.")
        return output.data if output.code == 0 else None

    async def files(self, commit: str, folders: Sequence[str]) -> list[TreeFile]:
        """The files of a commit in some folders, in Git's order. `commit` is what `resolve` has given."""
        output = await self._run("ls-tree", "-r", "-z", commit, "--", *folders)
        if output.is_cut:
            raise _failed(f"That revision has too many files to list: more than {_MAX_BYTES:,} bytes of names.")
        return parse_tree(output.data)

    async def blobs(self, hashes: Iterable[str]) -> dict[str, bytes]:
        """The contents of files by the hashes of their blobs; those that are missing, as in a partial clone, are left out."""
        wanted = "".join(f"{digest}\n" for digest in hashes)
        if not wanted:
            return {}
        output = await self._run(
            "cat-file", "--batch", "--buffer", given=wanted.encode("ascii"), max_bytes=_MAX_BLOBS_BYTES
        )
        if output.is_cut:
            raise _failed(f"More than {_MAX_BLOBS_BYTES:,} bytes of files are different at that revision.")
        return parse_blobs(output.data)

    async def resolve(self, revision: str) -> str | None:
        """The commit that a revision names, in hexadecimal; `None` where there is none, or several begin like this."""
        if revision.startswith("-") or len(revision) > _MAX_REVISION or not revision.isprintable():
            return None
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        output = await self._run(*arguments, codes=(0, 1, 128))
        return output.data.decode("ascii", "replace").strip() if output.code == 0 else None

    async def is_unborn(self, revision: str) -> bool:
        """Whether a revision is `HEAD`, and that is a branch without a commit."""
        if revision not in ("HEAD", "@"):
            return False
        branch = await self._run("symbolic-ref", "--quiet", "HEAD", codes=(0, 1, 128))
        if branch.code != 0:
            return False
        name = _decode(branch).removesuffix("\n")
        found = await self._run("for-each-ref", "--format=%(objectname)", "--", name)
        return not found.data and not found.complaint  # it complains of a branch that is broken

    async def open(self) -> Checkout:
        """Find Git and the work tree, once."""
        if self._checkout is None:
            self._checkout = await self._open()
        return self._checkout

    async def _global_excludes(self) -> Iterable[Path]:
        """Where users have their own: https://git-scm.com/docs/git-config#Documentation/git-config.txt-coreexcludesFile."""
        output = await self._run("config", "--type=path", "--get", "core.excludesFile", codes=(0, 1))
        if output.data:
            return (self._root / _decode(output).removesuffix("\n"),)
        home = self._environ.get("HOME") or self._environ.get("USERPROFILE", "")
        folder = self._environ.get("XDG_CONFIG_HOME") or (home and f"{home}/.config")
        return (Path(folder, "git", "ignore"),) if folder else ()

    async def _open(self) -> Checkout:
        path = search_path(self._environ, self._root)
        executable = find_git(path)
        if executable is None:
            raise _failed("Git is not installed, or not in `PATH`.")
        env = environment(self._environ, path)
        git = partial(self._run_with, executable, env)
        facts = _decode(await git(_FACTS)).split("\n", 4)
        if facts[0] != "true" or len(facts) != 5 or not self._is_here(facts[3]):
            raise _failed(
                "Git takes another directory for the work tree of this one; `git rev-parse --show-toplevel` shows it."
            )
        names = _decode(await git(("config", "--list", "-z", "--name-only"))).split("\0")
        if MARK not in names:
            raise _failed("This Git is too old; 2.31 or later is needed.")
        filters = {name.rpartition(".")[0] for name in names if name.startswith("filter.") and name.count(".") > 1}
        env |= configuration(sorted(filters))
        return Checkout(executable, env, facts[4].removesuffix("\n"), facts[2], facts[1] == "true")

    def _is_here(self, way_up: str) -> bool:
        """Whether the work tree begins at the nearest directory that has a `.git`; the configuration can name any other."""
        try:
            nearest = next((folder for folder in (self._root, *self._root.parents) if (folder / ".git").exists()), None)
            return nearest is not None and nearest.samefile(self._root / way_up)
        except OSError:
            return False

    async def _commit_or_empty_tree(self, revision: str) -> str | None:
        commit = await self.resolve(revision)
        if commit is None and await self.is_unborn(revision):
            return _EMPTY_TREES[(await self.open()).object_format]
        return commit

    async def _run(
        self, *arguments: str, given: bytes = b"", max_bytes: int = _MAX_BYTES, codes: Sequence[int] = (0,)
    ) -> Output:
        checkout = await self.open()
        return await self._run_with(
            checkout.executable, checkout.env, arguments, given=given, max_bytes=max_bytes, codes=codes
        )

    async def _run_with(
        self,
        executable: str,
        env: Mapping[str, str],
        arguments: Sequence[str],
        *,
        given: bytes = b"",
        max_bytes: int = _MAX_BYTES,
        codes: Sequence[int] = (0,),
    ) -> Output:
        command = (executable, "--no-pager", *arguments)
        output = await run(command, cwd=self._root, env=env, given=given, max_bytes=max_bytes, seconds=_SECONDS)
        if output.code not in codes and not output.is_cut:
            raise _failed(_explain(output.complaint))
        return output


def _decode(output: Output) -> str:
    return output.data.decode("utf-8", "surrogateescape")


def _names(output: Output) -> list[str]:
    """The names in an output with `-z`, which must be all of them."""
    if output.is_cut:
        raise _failed(f"There are too many files to list: more than {_MAX_NAMES_BYTES:,} bytes of names.")
    return _decode(output).split("\0")[:-1]


def _explain(complaint: str) -> str:
    if "dubious ownership" in complaint or "unsafe repository" in complaint:
        return (
            "Git refuses this repository because it belongs to another user; if you trust it, run "
            "`git config --global --add safe.directory` followed by the path of its directory."
        )
    if "not a git repository" in complaint:
        return "This directory is not in a Git repository; `git init` makes it one."
    if "bare repository" in complaint or "must be run in a work tree" in complaint:
        return "This is a bare Git repository, which has no files to look at; use a clone of it."
    return "Git can't read this repository; `git fsck` says what is wrong with it."


def _failed(message: str) -> GitFailed:
    return GitFailed(message, user_message=message)
