"""What `ckservice call` shows on a terminal beside the text of an answer."""

import sys
from shutil import get_terminal_size
from typing import Any


class StatusLine:
    """What is going on, on the last line of a terminal, until something else is written there."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._width = 0

    def show(self, progress: dict[str, Any]) -> None:
        """Show the params of a `stream/progress`."""
        if not self._is_shown:
            return
        completed, total = progress.get("completed"), progress.get("total")
        counted = "" if completed is None else f": {completed:,}" + ("" if total is None else f" of {total:,}")
        text = f"{progress['message'].removesuffix('.')}{counted}"[: get_terminal_size().columns - 1]
        print(text, end="\r", file=sys.stderr, flush=True)
        self._width = len(text)

    def clear(self) -> None:
        """Leave nothing of it."""
        if self._width:
            print(" " * self._width, end="\r", file=sys.stderr, flush=True)
            self._width = 0


def show_cited(result: dict[str, Any]) -> None:
    """List the places behind the marks of an answer, if it has any."""
    for place in sorted({citation["sourceIndex"] for citation in result.get("citations", ())}):
        source = result["sources"][place]
        print(_printable(f"[{place + 1}] {_place(source)}  {source['title']}"))


def show_sources(result: dict[str, Any]) -> None:
    """List what a search has found, with the lines that show why."""
    for source in result["sources"]:
        print(_printable(f"{source['relevanceScore']:.2f}  {source['title']}  {_place(source)}"))
        for line in source["excerpt"].split("\n"):
            print(_printable(f"      {line}"))
    if not result["sources"]:
        print("Nothing was found.")
    if result["stale"]:
        print("The repository has changed since it was indexed; ask again in a moment.")


def _place(source: dict[str, Any]) -> str:
    return f"{source['filePath']}:{source['startLine']}-{source['endLine']}"


def _printable(text: str) -> str:
    """A line of a repository without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
