"""Files that say what to leave out, in the syntax of Git: https://git-scm.com/docs/gitignore."""

import re
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from ckservice.context.disk import Unreadable, read_bytes

if TYPE_CHECKING:
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

# Python warns of `[[` and the like, which may mean something else in an expression one day.
warnings.filterwarnings("ignore", "Possible (nested )?set", FutureWarning)

_MAX_BYTES = 1_000_000
_MOST_LINES = 5000
_STARS = re.compile(r"\*+")
_MOST_STARS = 3
"""In one name of a pattern; it may have any two times folders between names. With more, a path could take hours to match."""

_GROUP = "(?P<ps_d>"
"""In an expression of pathspec; a name stands only once in an expression."""


class Ignoring:
    """What the files of one name, such as `.gitignore`, say in the folders where they are.

    Args:
        root: of the repository.
        name: of the files.
    """

    def __init__(self, root: str, name: str) -> None:
        self._root = root
        self.name = name
        self._patterns: dict[str, list[GitIgnoreSpecPattern]] = {}
        self._any: dict[str, re.Pattern[str]] = {}

    def read(self, folder: str) -> None:
        """Take in the file of a folder, which is given relative to the root: empty, or with a `/` at its end."""
        try:
            data = read_bytes(f"{self._root}/{folder}{self.name}", _MAX_BYTES)
        except (FileNotFoundError, Unreadable):
            return
        patterns = _patterns(data.decode("utf-8-sig", "replace"))
        if patterns:
            self._patterns[folder] = patterns
            self._any[folder] = _any_of(patterns)

    def is_ignored(self, path: str) -> bool:
        """Whether a path is left out by itself; those of the folders that it is in must have been asked for before.

        Args:
            path: relative to the root; a folder has a `/` at its end.
        """
        if not self._patterns:
            return False
        end = len(path.rstrip("/"))
        while end > 0:
            end = path.rfind("/", 0, end) + 1
            folder, name = path[:end], path[end:]
            if folder in self._patterns and self._any[folder].search(name):
                for pattern in self._patterns[folder]:
                    if _is_match(pattern, name):
                        return bool(pattern.include)
            end -= 1
        return False


def _patterns(text: str) -> "list[GitIgnoreSpecPattern]":
    """The patterns in a text, the last one first: that is the one that counts. Lines that are none are passed over."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415 - for the few that have such files

    patterns: list[GitIgnoreSpecPattern] = []
    for line in text.split("\n")[:_MOST_LINES]:
        is_costly = line.count("**/") > 2 or any(len(_STARS.findall(name)) > _MOST_STARS for name in line.split("/"))
        if not is_costly and line.rstrip() != "!/":  # which the library takes for everything, and Git for nothing
            with suppress(ValueError, re.error):  # of a range that ends before it begins
                patterns.append(GitIgnoreSpecPattern(line.removesuffix("\r")))
    return [pattern for pattern in reversed(patterns) if pattern.include is not None]


def _any_of(patterns: "list[GitIgnoreSpecPattern]") -> re.Pattern[str]:
    """What finds something in each path that one of the patterns may be about: asked first, it takes a tenth of the time."""
    expressions = [pattern.regex for pattern in patterns if pattern.regex is not None]
    if any(each.pattern.count(_GROUP) != each.groups for each in expressions):  # characters that only look like one
        return re.compile("")
    return re.compile("|".join(each.pattern.replace(_GROUP, "(?:") for each in expressions))


def _is_match(pattern: "GitIgnoreSpecPattern", path: str) -> bool:
    """Whether a pattern is about a path itself, and not only about a folder that it is in.

    Expressions of pathspec match a path also by its folders, and capture the slash behind the one that matches. They
    capture nothing where they are about all that is in a folder, which the folder itself is not.
    """
    assert pattern.regex is not None
    for found in pattern.regex.finditer(path):
        if found.lastgroup is not None:
            if found.end() == len(path):
                return True
        elif found.end() < len(path) or not path.endswith("/"):
            return True
    return False
