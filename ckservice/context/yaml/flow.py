"""Changes to flow collections: entries between brackets come and go with one comma each."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from ckservice.context.yaml.spans import Entry, Source
from ckservice.context.yaml.splicing import Splices


def change_entries(
    splices: Splices, entries: Sequence[Entry], removed: set[int], added: Mapping[int, Sequence[str]]
) -> None:
    """Take entries out of a flow collection, and put others behind those that stay; one entry at least stays.

    Args:
        splices: of the text.
        entries: all there are.
        removed: the places of those that go.
        added: entries by the place of the one that they follow, which stays; -1 is before all that stay.
    """
    staying = [place for place in range(len(entries)) if place not in removed]
    for after, texts in added.items():
        if after < 0:
            _put_before(splices, entries[staying[0]], texts)
        else:
            _put_behind(splices, entries[after], texts)
    for is_removed, run in groupby(range(len(entries)), key=removed.__contains__):
        if is_removed:
            places = list(run)
            _remove(splices, entries, places[0], places[-1])


def _put_before(splices: Splices, entry: Entry, texts: Sequence[str]) -> None:
    source = splices.source
    if _lines(source, entry, entry) is None:
        splices.replace(entry.start, entry.start, "".join(f"{text}, " for text in texts))
    else:
        start = source.line_start(entry.start)
        indentation = source.text[start : entry.start]
        splices.replace_lines(start, start, [f"{indentation}{text}," for text in texts])


def _put_behind(splices: Splices, entry: Entry, texts: Sequence[str]) -> None:
    source = splices.source
    lines = _lines(source, entry, entry)
    if lines is None:
        splices.replace(entry.end, entry.end, "".join(f", {text}" for text in texts))
        return
    indentation = source.text[lines[0] : entry.start]
    new = [f"{indentation}{text}," for text in texts]
    if _comma_end(source, entry) is None:
        splices.replace(entry.end, entry.end, ",")
        new[-1] = new[-1].removesuffix(",")
    splices.replace_lines(lines[1], lines[1], new)


def _remove(splices: Splices, entries: Sequence[Entry], first: int, last: int) -> None:
    """Remove neighbours: their lines, if nothing else stands there; else what separates them from the next too."""
    source, text = splices.source, splices.source.text
    start, end = entries[first].start, entries[last].end
    lines = _lines(source, entries[first], entries[last])
    comma_end = _comma_end(source, entries[last])
    if lines is not None:
        splices.replace(*lines, "")
    elif comma_end is not None:
        following = comma_end + len(text[comma_end:]) - len(text[comma_end:].lstrip(" \t"))
        splices.replace(start, following, "")
    elif first and "#" not in text[entries[first - 1].end : start]:
        splices.replace(entries[first - 1].end, end, "")
    else:
        splices.replace(start, end, "")


def _comma_end(source: Source, entry: Entry) -> int | None:
    comma = source.skip(entry.end)
    return comma + 1 if source.text[comma] == "," else None


def _lines(source: Source, first: Entry, last: Entry) -> tuple[int, int] | None:
    """The lines of entries, if nothing but a comma and a comment stands there too."""
    line_end = source.line_end(last.end)
    behind = source.text[last.end : line_end].lstrip(" \t").removeprefix(",").strip()
    if source.is_first_on_line(first.start) and (not behind or behind.startswith("#")):
        return source.line_start(first.start), line_end
    return None
