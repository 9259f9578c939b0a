"""Unified diffs that `git apply` takes.

https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

_AROUND = 3
"""Lines that are shown before and after what has changed."""

_MAX_LINES = 2000
"""Between the first and the last that differ; beyond, they are shown as one change, since comparing gets slow."""


class _Change(NamedTuple):
    """Lines of the old text that became lines of the new one; from 0, without the ends."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def unified(path: str, before: bytes | None, after: bytes) -> str:
    """What changes in a file, with three lines around it; empty where nothing does.

    Lines end with a line feed, and keep the carriage return that may stand before it.

    Args:
        path: to name the file by, with `/`.
        before: its bytes; `None` where it was not there.
        after: its bytes.
    """
    if before == after:
        return ""
    old, new = _lines(before or b""), _lines(after)
    end = "\t" if " " in path else ""  # as git has it: tells where a name with spaces ends
    head = [f"--- a/{path}{end}\n" if before is not None else "--- /dev/null\n", f"+++ b/{path}{end}\n"]
    return "".join([*head, *(line for hunk in _hunks(_changes(old, new)) for line in _shown(hunk, old, new))])


def _lines(data: bytes) -> list[str]:
    *lines, last = data.decode("utf-8", "replace").split("\n")
    rest = [f"{last}\n\\ No newline at end of file\n"] if last else []
    return [*(f"{line}\n" for line in lines), *rest]


def _changes(old: Sequence[str], new: Sequence[str]) -> list[_Change]:
    """Each run of lines that differs; what is the same at both ends is not even looked at."""
    shortest = min(len(old), len(new))
    head = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    tail = next((at for at in range(shortest - head) if old[-1 - at] != new[-1 - at]), shortest - head)
    whole = _Change(head, len(old) - tail, head, len(new) - tail)
    if max(len(old), len(new)) - head - tail > _MAX_LINES:
        return [whole]
    from difflib import SequenceMatcher  # noqa: PLC0415 - only saving needs it

    matcher = SequenceMatcher(None, old[head : whole.old_end], new[head : whole.new_end])
    return [_Change(*(head + place for place in places)) for tag, *places in matcher.get_opcodes() if tag != "equal"]


def _hunks(changes: Sequence[_Change]) -> Iterator[list[_Change]]:
    """Changes that stand so close to each other that they are shown together."""
    hunk: list[_Change] = []
    for change in changes:
        if hunk and change.old_start - hunk[-1].old_end > 2 * _AROUND:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _shown(hunk: Sequence[_Change], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    first, last = hunk[0], hunk[-1]
    above, below = min(_AROUND, first.old_start), min(_AROUND, len(old) - last.old_end)
    old_range = _range(first.old_start - above, last.old_end + below)
    new_range = _range(first.new_start - above, last.new_end + below)
    yield f"@@ -{old_range} +{new_range} @@\n"
    place = first.old_start - above
    for change in hunk:
        yield from (f" {line}" for line in old[place : change.old_start])
        yield from (f"-{line}" for line in old[change.old_start : change.old_end])
        yield from (f"+{line}" for line in new[change.new_start : change.new_end])
        place = change.old_end
    yield from (f" {line}" for line in old[place : place + below])


def _range(start: int, end: int) -> str:
    """Lines as a hunk counts them: from 1, and an empty range by the line before it."""
    length = end - start
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"
