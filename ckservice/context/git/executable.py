"""Where Git is, and the environment it runs in: built anew, so that nothing it inherits makes it run anything else."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

_KEPT = (
    # Where the user's own configuration is: it says which directories are safe, and how lines end.
    *("HOME", "XDG_CONFIG_HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    # Without them programs don't start on Windows, or can't write temporary files.
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP", "TMPDIR"),
    # Git asks who is behind root before it calls a repository somebody else's.
    *("USER", "LOGNAME", "USERNAME", "SUDO_UID", "TZ"),
)

_SET = {
    "LC_ALL": "C",  # messages are looked at; names of files come as bytes
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone would fetch what it lacks, with a program of its choice
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",  # looking must not write the index, nor get in the way of who does
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": "false",
    "GIT_TERMINAL_PROMPT": "0",
}

MARK = "ckservice.isolated"
"""Set beside the configuration below; a Git that doesn't list it knows no `GIT_CONFIG_COUNT` and obeys the repository."""

_CONFIG = {
    "core.fsmonitor": "",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.quotePath": "false",
    "credential.helper": "",
    "diff.autoRefreshIndex": "false",  # the one command that writes it all the same
    "diff.ignoreSubmodules": "dirty",
    "diff.orderFile": "/dev/null",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",  # a bare one may hide among the files of another
    "submodule.recurse": "false",
    MARK: "true",
}


def search_path(environ: Mapping[str, str], root: Path) -> str:
    """`PATH` without what is relative or inside a repository: nobody's files may pass for Git."""
    folders = (folder.strip('"') for folder in environ.get("PATH", "").split(os.pathsep))
    return os.pathsep.join(folder for folder in folders if _is_trusted(folder, root))


def find_git(path: str) -> str | None:
    """The executable.

    `shutil.which` would look into the current directory first on Windows, and take scripts that need a shell.
    """
    name = "git.exe" if sys.platform == "win32" else "git"
    for folder in path.split(os.pathsep) if path else ():
        found = os.path.join(folder, name)  # noqa: PTH118 - a text for the command line
        if os.path.isfile(found) and os.access(found, os.X_OK) and not _is_placeholder(found):  # noqa: PTH113 - same
            return found
    return None


def environment(environ: Mapping[str, str], path: str) -> dict[str, str]:
    """The environment of Git, made from that of this process and the `PATH` it is to have."""
    kept = {name: environ[name] for name in _KEPT if name in environ}
    # PyInstaller puts its own libraries first: https://pyinstaller.org/en/stable/runtime-information.html
    libraries = "LD_LIBRARY_PATH_ORIG" if hasattr(sys, "frozen") else "LD_LIBRARY_PATH"
    if libraries in environ:
        kept["LD_LIBRARY_PATH"] = environ[libraries]
    return {**kept, "PATH": path, **_SET, **configuration(())}


def configuration(filters: Iterable[str]) -> dict[str, str]:
    """The variables that go over all configuration files, with the named filters switched off.

    Filters are programs that Git calls for the content of files, also to see whether they have changed. In the
    environment and not on the command line, where a name with `=` in it would end too early.

    Args:
        filters: sections, such as `filter.lfs`.
    """
    config = dict(_CONFIG)
    for section in filters:
        config |= {f"{section}.clean": "", f"{section}.smudge": "", f"{section}.process": ""}
        config[f"{section}.required"] = "false"
    variables = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _is_trusted(folder: str, root: Path) -> bool:
    try:
        return Path(folder).is_absolute() and not Path(folder).resolve().is_relative_to(root)
    except (OSError, RuntimeError, ValueError):  # the second for links that lead in circles
        return False


def _is_placeholder(found: str) -> bool:
    """Whether it is Apple's, which opens a window to offer the developer tools where they are missing."""
    tools = ("/Library/Developer/CommandLineTools", "/Applications/Xcode.app")
    return sys.platform == "darwin" and found == "/usr/bin/git" and not any(map(os.path.exists, tools))
