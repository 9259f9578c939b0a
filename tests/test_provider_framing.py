"""The framings of providers' streams: however the bytes are cut, the same records come out."""

import time
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given, strategies as st

from ckservice.llm.framing import MAX_RECORD_BYTES, Lines, Record, ServerSentEvents, Splitter

pytestmark = pytest.mark.source

BOM = b"\xef\xbb\xbf"

text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12).map(str.encode)
"""What may stand in one line."""

data_fields = st.tuples(st.sampled_from([b"data: ", b"data:"]), text.filter(lambda line: not line.startswith(b" ")))
other_fields = st.sampled_from([b": keep-alive", b":", b"id: 7", b"retry: 100", b"data_: x", b" data: x", b"nonsense"])
event_names = st.sampled_from(["message_start", "", "ping", "\u00e9"])
noise = st.text("ab:\r\n ", max_size=30).map(str.encode) | st.binary(max_size=30)


def records(splitter: Splitter, chunks: Iterable[bytes]) -> list[Record]:
    """All records of a stream, its end included."""
    return [record for chunk in (*chunks, b"") for record in splitter.feed(chunk)]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """A stream in pieces, none of them empty."""
    edges = [0, *sorted({place % len(stream) for place in places} - {0}), len(stream)] if stream else []
    return [stream[start:end] for start, end in pairwise(edges)]


@st.composite
def events(draw: st.DrawFn) -> tuple[list[bytes], Record | None]:
    """The lines of one event, and what is to come of them."""
    fields = draw(st.lists(data_fields | other_fields.map(lambda line: (line, None)), max_size=4))
    lines = [name + (value or b"") for name, value in fields]
    values = [value for _, value in fields if value is not None]
    name = draw(event_names)
    if name:
        lines.insert(draw(st.integers(0, len(lines))), b"event: " + name.encode())
    return lines, Record(b"\n".join(values), name) if any(values) else None


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[Record]]:
    """An event stream, the last event of which may be cut off, and its records."""
    drawn = draw(st.lists(events(), max_size=5))
    lines = [line for lines, _ in drawn for line in (*lines, b"")]
    lines += draw(st.sampled_from([[], [b"data: cut off"], [b"event: e", b"data: cut off"]]))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    stream = draw(st.sampled_from([b"", BOM])) + b"".join(line + end for line in lines)
    return stream, [record for _, record in drawn if record]


@given(streams(), st.lists(st.integers(0, 1000), max_size=8))
def test_events_are_the_same_however_they_are_cut(drawn: tuple[bytes, list[Record]], places: list[int]) -> None:
    stream, expected = drawn
    assert records(ServerSentEvents(), cut(stream, places)) == expected
    assert records(ServerSentEvents(), cut(stream, range(len(stream)))) == expected


@pytest.mark.parametrize("splitter", [ServerSentEvents, Lines])
@given(noise, st.lists(st.integers(0, 1000), max_size=8))
@example(b"\xef\xbb\xbfdata: x\n\n", [1, 2])
@example(b"\xef\xbbdata: x\n\n", [1])
@example(b"data: x\r\n\r\ndata: y\r\r", [8, 9, 10])
def test_even_nonsense_is_the_same_however_it_is_cut(
    splitter: Callable[[], Splitter], stream: bytes, places: list[int]
) -> None:
    assert records(splitter(), cut(stream, places)) == records(splitter(), cut(stream, []))


@given(
    st.lists(text.filter(lambda line: bool(line.strip()))), st.sampled_from([b"\n", b"\r\n", b"\n\r\n \n"]), st.data()
)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], end: bytes, data: st.DataObject) -> None:
    stream = b"".join(line + end for line in lines)
    if data.draw(st.booleans()):
        stream = stream.rstrip(b"\r\n ") if lines and not lines[-1].endswith(b" ") else stream
    places = data.draw(st.lists(st.integers(0, 1000), max_size=8))
    found = [record.data.rstrip(b"\r") for record in records(Lines(), cut(stream, places))]
    assert found == [line.rstrip(b"\r") for line in lines]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [Record(b"a")]),
        (b"data:a\n\n", [Record(b"a")]),
        (b"data:  a\n\n", [Record(b" a")]),
        (b"data: a\ndata: b\n\n", [Record(b"a\nb")]),
        (b"data\ndata: b\n\n", [Record(b"\nb")]),
        (b"event: e\ndata: a\n\ndata: b\n\n", [Record(b"a", "e"), Record(b"b")]),
        (b"event: e\nevent: f\ndata: a\n\n", [Record(b"a", "f")]),
        (b"event: \xff\ndata: a\n\n", [Record(b"a", "\ufffd")]),
        (b"event: e\n\n", []),
        (b"data:\n\ndata: \n\ndata\n\n", []),
        (b": comment\n\n: comment\ndata: a\n\n", [Record(b"a")]),
        (b"\n\n\ndata: a\n\n\n\n", [Record(b"a")]),
        (b"data: a\n", []),
        (b"data: a\n\ndata: b", [Record(b"a")]),
        (b"data: a\r\r", [Record(b"a")]),
        (b"data: a\r\n\r", [Record(b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [Record(b"a")]),
        (b"", []),
    ],
)
def test_events_are_read_as_the_standard_says(stream: bytes, expected: list[Record]) -> None:
    assert records(ServerSentEvents(), [stream]) == expected
    assert records(ServerSentEvents(), cut(stream, range(len(stream)))) == expected


def test_an_event_is_told_as_soon_as_it_is_whole() -> None:
    splitter = ServerSentEvents()
    assert splitter.feed(b"data: a\r\n\r") == []
    assert splitter.feed(b"\n") == [Record(b"a")]
    assert splitter.feed(b"data: b\n\nda") == [Record(b"b")]


@pytest.mark.parametrize("splitter", [ServerSentEvents, Lines])
def test_a_record_without_end_is_refused_in_time(splitter: Callable[[], Splitter]) -> None:
    fed, chunk = splitter(), b"data: " + b"x" * 1018
    began = time.process_time()
    for _ in range(MAX_RECORD_BYTES // len(chunk)):
        assert fed.feed(chunk) == []
    assert time.process_time() - began < 5  # were it joined for each chunk, this would take minutes
    with pytest.raises(ValueError, match="too long"):
        fed.feed(chunk)


@pytest.mark.parametrize("splitter", [ServerSentEvents, Lines])
def test_a_long_record_is_read(splitter: Callable[[], Splitter]) -> None:
    body = b"x" * (MAX_RECORD_BYTES - 100)
    chunks = [b"data: " + body[:7], *(body[place : place + 65536] for place in range(7, len(body), 65536)), b"\n\n"]
    (record,) = records(splitter(), chunks)
    assert record.data.endswith(body)
