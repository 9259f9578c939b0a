"""Whatever comes in: every line that is owed an answer gets exactly one, and the session lives.

What a line is owed is decided here with Python's own `json`, not with the parser under test.
"""

import json
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings, strategies as st

from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]

LINES = 40
EXAMPLES = 300
REPRODUCIBLE = settings(
    derandomize=True, database=None, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
)

# What may come in

VALID = (
    b'{"jsonrpc":"2.0","id":NUMBER,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":"zwei NUMBER","method":"settings/get","params":{}}',
    b'{"jsonrpc": "2.0", "method": "health/check", "id": NUMBER, "params": {"_meta": {"timeoutMs": 5000}}}',
    (
        '{"id":"\U0001f600 NUMBER","jsonrpc":"2.0","method":"chat/complete","params":{"messages":[{"role":"user",'
        '"content":"caf\u00e9 \u2028 \\ud83d\\ude00"}]}}'
    ).encode(),
    b'{"jsonrpc":"2.0","id":-NUMBER,"method":"chat/complete","params":{"messages":[],"stream":false}}',
    b'{"jsonrpc":"2.0","id":NUMBER,"method":"no/method","params":{}}',
    b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":NUMBER}}',
    b'{"jsonrpc":"2.0","id":"ckservice-NUMBER","result":{}}',
    b'[{"jsonrpc":"2.0","id":NUMBER,"method":"ping"},{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","id":NUMBER}]',
)
SNIPPETS = (
    *rb'", [ ] { } : 07 -1 NaN 1e999 "id":10, null'.split(),
    b"\xff",
    b"\0",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"[" * 2000,
)
TEXTS = ("", "a", "\u00e9", "\U0001f600", "\0", "\n", '"', "\\", "\ud800", "x" * 257)


def scalar(random: Random) -> Any:
    numbers = (random.randint(-9, 9), random.getrandbits(80), -random.getrandbits(53), random.gauss(0, 1e9), 1e308)
    return random.choice([None, True, False, random.choice(numbers), random.choice(TEXTS) + random.choice(TEXTS)])


def value(random: Random, depth: int = 4) -> Any:
    if not depth or random.random() < 0.3:
        return scalar(random)
    items = [value(random, depth - 1) for _ in range(random.randrange(4))]
    return items if random.random() < 0.5 else {random.choice(TEXTS): item for item in items}


MEMBERS: dict[str, Callable[[Random], Any]] = {
    "jsonrpc": lambda random: random.choice(["2.0", "2.0", "2.0", "2.0", "1.0", 2]),
    "id": lambda random: random.choice([random.randint(-99, 99), f"id {random.random()}", 2**53, scalar(random)]),
    "method": lambda random: random.choice(
        ["ping", "health/check", "chat/complete", "no/method", "$/cancelRequest", 7]
    ),
    "params": lambda random: random.choice([{}, {"id": random.randint(-99, 99)}, {"_meta": {}}, value(random)]),
    "result": value,
    "error": lambda random: random.choice([{}, {"code": 1, "message": "x"}, scalar(random)]),
}
OFTEN = {"jsonrpc": 0.9, "id": 0.8, "method": 0.8, "params": 0.7, "result": 0.2, "error": 0.2}


def message(random: Random) -> Any:
    return {name: make(random) for name, make in MEMBERS.items() if random.random() < OFTEN[name]}


def from_json(random: Random) -> bytes:
    batch = [random.choice([message, value])(random) for _ in range(random.randrange(1, 4))]
    data = json.dumps(random.choice([message(random), value(random), batch]), ensure_ascii=random.random() < 0.5)
    return data.encode("utf-8", "surrogatepass")


def valid(random: Random) -> bytes:
    return random.choice(VALID).replace(b"NUMBER", b"%d" % random.randrange(100))


def mutated(random: Random) -> bytes:
    line = valid(random)
    for _ in range(random.randint(1, 3)):
        start = random.randint(0, len(line))
        end = start + random.choice([0, 0, 1, 2, 10])
        line = line[:start] + random.choice([*SNIPPETS, random.randbytes(2), line[end : end + 20]]) + line[end:]
    return line


def truncated(random: Random) -> bytes:
    line = random.choice([valid, from_json])(random)
    return line[: random.randint(0, len(line))]


def noise(random: Random) -> bytes:
    return random.randbytes(random.randrange(60))


def any_line(random: Random) -> bytes:
    line = random.choice([valid, mutated, mutated, truncated, from_json, from_json, noise])(random).replace(b"\n", b" ")
    return b"" if any(word in line for word in (b"exit", b"shutdown", b"update")) else line


# What is owed

Owed = list[str]
"""The ids, as JSON, of which one must be answered: two where the id may or may not have been read."""


def read(line: bytes) -> Any:
    """The line as JSON; ValueError for what JSON or UTF-8 forbid, or no double can hold."""
    try:
        value = json.loads(line.decode("utf-8"))
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except RecursionError:
        raise ValueError("too deep") from None
    return value


def leading_id(line: bytes) -> Owed:
    """The first id in a broken line, if it is a plain one."""
    found = re.search(rb'"id"\s*:\s*(-?(?:0|[1-9]\d*)|"[^"\\]*")\s*[,}]', line)
    if not found:
        return []
    value = json.loads(found[1].decode("utf-8", "replace"), strict=False)
    return [json.dumps(value)] if is_id(value) else []


def is_id(value: Any) -> bool:
    return (type(value) is int and abs(value) < 2**53) or (type(value) is str and 0 < len(value) <= 256)


def owed_to(value: Any) -> Owed | None:
    """What a message that is JSON is owed; `None` is nothing."""
    if not isinstance(value, dict):
        return ["null"]
    known = [json.dumps(value["id"])] if is_id(value.get("id")) else []
    if value.get("jsonrpc") == "2.0":
        if isinstance(value.get("method"), str) and "id" not in value:
            return None
        if known and "method" not in value and ("result" in value or isinstance(value.get("error"), dict)):
            return None
        if known and isinstance(value.get("method"), str) and isinstance(value.get("params", {}), dict):
            return known
    # The error to an id that is in flight just now is answered without it.
    return [*known, "null"]


def owed(batch: list[bytes]) -> tuple[list[Owed], int]:
    """What lines are owed altogether, and how many arrays answer the batches among them."""
    everything: list[Owed] = []
    arrays = 0
    for line in batch:
        if not line.strip():
            continue
        try:
            value = read(line)
        except ValueError:
            everything.append([*leading_id(line), "null"])
            continue
        found = [owed_to(item) for item in (value if isinstance(value, list) and value else [value])]
        arrays += isinstance(value, list) and value != [] and any(found)
        everything += [ids for ids in found if ids]
    return everything, arrays


def assert_paid(everything: list[Owed], answers: Counter[str]) -> None:
    """Each debt is paid with one of its ids, and nothing is paid that was not owed."""
    assert answers.total() == len(everything)
    certain = Counter(ids[0] for ids in everything if len(ids) == 1)
    possible = Counter(ids[0] for ids in everything if len(ids) == 2)
    assert not certain - answers, "not answered"
    rest = answers - certain
    del rest["null"]
    assert not rest - possible, "answered more than once"


def test_every_line_that_is_owed_an_answer_gets_exactly_one(start: Start) -> None:
    sent = 0
    fences = (f"fence {number}" for number in count())
    sidecar = start()
    sidecar.assert_alive()  # so that no line is the first, which may begin with a byte order mark

    @settings(REPRODUCIBLE, max_examples=EXAMPLES)
    @given(st.randoms(use_true_random=True))
    def feed(random: Random) -> None:
        nonlocal sent
        batch = [any_line(random) for _ in range(LINES)]
        cuts = [random.randrange(10_000) for _ in range(random.randrange(8))]
        note(f"{batch}")
        before, first = sidecar.answers.copy(), len(sidecar.messages)
        everything, arrays = owed(batch)
        for piece in pieces(b"\n".join(batch) + b"\n", cuts):
            sidecar.write(piece)
        assert sidecar.call("ping", request_id=next(fences)) == {}
        sidecar.wait_until(lambda: (sidecar.answers - before).total() > len(everything))
        sidecar.call("health/check", request_id=next(fences))
        answers = sidecar.answers - before
        assert_paid(everything, Counter({name: n for name, n in answers.items() if "fence" not in name}))
        assert sum(isinstance(message, list) for message in sidecar.messages[first:]) == arrays
        sent += len(batch)

    feed()
    assert sent >= 10_000
    sidecar.assert_alive()
    assert all(raw.isascii() for raw in sidecar.raw)
    assert sidecar.end() == 0


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The data, cut at some places."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


# The parts, by themselves


@pytest.mark.source
@settings(REPRODUCIBLE, max_examples=500)
@given(
    st.lists(
        st.sampled_from([b"\n", b"\r\n", b" ", b"abc", b"\xef\xbb\xbf", b"\0", b"x" * 30]) | st.binary(max_size=9)
    ),
    st.lists(st.integers(0, 10_000)),
)
def test_lines_are_the_same_however_they_are_cut(parts: list[bytes], cuts: list[int]) -> None:
    from ckservice.jsonrpc.framing import LineSplitter, TooLong

    data = b"".join(parts)
    splitter = LineSplitter(20)
    found = [line for piece in pieces(data, cuts) for line in splitter.feed(piece)]
    found += splitter.finish()
    found = [TooLong(line.head[:17], line.size) if isinstance(line, TooLong) else line for line in found]
    expected: list[bytes | TooLong] = []
    for place, line in enumerate(data.split(b"\n")):
        text = line.removeprefix(b"\xef\xbb\xbf") if place == 0 else line
        if len(line) > 20:
            expected.append(TooLong(text[:17], len(line)))
        elif text.strip():
            expected.append(text)
    assert found == expected


@pytest.mark.source
@pytest.mark.parametrize("size", [10, 1000, 250_000, 10_000_000])
def test_a_long_line_takes_bounded_memory_however_it_is_cut(size: int) -> None:
    from ckservice.jsonrpc.framing import LineSplitter, TooLong

    limit, length = 1_000_000, 10_000_000 if size > 10 else 1_500_000
    splitter = LineSplitter(limit)
    piece = b"x" * size
    tracemalloc.start()
    for _ in range(length // size):
        assert not list(splitter.feed(piece))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(splitter.feed(b"\nnext\n")) == [TooLong(b"x" * 4096, length), b"next"]
    assert peak <= 2.5 * limit + size


@pytest.mark.source
@settings(REPRODUCIBLE, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(-1e308, 1e308) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_encoded_is_one_line_of_ascii_and_means_the_same(value: Any) -> None:
    from ckservice.jsonrpc.messages import encode

    data = encode(value)
    assert data.isascii()
    assert b"\n" not in data
    assert json.loads(data) == value


@pytest.mark.source
@settings(REPRODUCIBLE, max_examples=500)
@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_text_is_encoded_whole_but_for_lone_surrogates(text: str) -> None:
    from ckservice.jsonrpc.messages import encode, encode_text

    expected = re.sub("[\ud800-\udfff]", "?", text)
    assert json.loads(encode(text)) == expected
    assert json.loads(encode_text(text)) == expected
    assert encode_text(text).isascii()
