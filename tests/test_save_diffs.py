"""The diffs of a save: what Git applies to the old file gives the new one, to the byte."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.context.saving.diffing import unified

pytestmark = pytest.mark.source

LINES = st.sampled_from(
    ["", "a", "b: c", "- x", "-- y", "++ z", "\u2028ü", "tab\t", "x\ry", "\\ No newline at end of file"]
)
PATH = "contexts/a folder/ü.yaml"


@st.composite
def texts(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A text and what becomes of it in a few edits."""
    old = draw(st.lists(LINES, min_size=1, max_size=40))
    new = list(old)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(new)))
        new[place : place + draw(st.integers(0, 3))] = draw(st.lists(LINES | st.text("mn", min_size=1), max_size=3))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    ends = draw(st.tuples(*[st.sampled_from(["", end])] * 2))
    before, after = end.join(old) + ends[0], end.join(new) + ends[1]
    return before.encode() or b"x", after.encode() or b"x"


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("work-tree")
    subprocess.run(["git", "init", "-q", root], check=True, timeout=60)
    (root / PATH).parent.mkdir(parents=True)
    return root


def assert_git_applies(root: Path, before: bytes | None, after: bytes) -> None:
    diff = unified(PATH, before, after)
    if before == after:
        assert diff == ""
        return
    (root / PATH).unlink(missing_ok=True)
    if before is not None:
        (root / PATH).write_bytes(before)
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    applied = subprocess.run(command, check=False, input=diff.encode(), cwd=root, capture_output=True, timeout=60)
    assert applied.returncode == 0, (applied.stderr, diff)
    assert (root / PATH).read_bytes() == after


@settings(max_examples=100, deadline=None)
@given(texts())
def test_git_applies_a_diff(work_tree: Path, pair: tuple[bytes, bytes]) -> None:
    assert_git_applies(work_tree, *pair)


@pytest.mark.parametrize("after", [b"a\n", b"a", b"a\r\nb\r\n", b"\xef\xbb\xbfa\n", b"\n"])
def test_git_applies_a_new_file(work_tree: Path, after: bytes) -> None:
    assert_git_applies(work_tree, None, after)


def test_only_what_changes_is_shown() -> None:
    before = b"".join(b"line %d\r\n" % number for number in range(1, 21))
    after = before.replace(b"line 3\r\n", b"").replace(b"line 12\r\n", b"line 12\r\nnew\r\n") + b"end"
    assert unified("x.yaml", before, after).split("\n") == [
        "--- a/x.yaml",
        "+++ b/x.yaml",
        "@@ -1,6 +1,5 @@",
        " line 1\r",
        " line 2\r",
        "-line 3\r",
        " line 4\r",
        " line 5\r",
        " line 6\r",
        "@@ -10,6 +9,7 @@",
        " line 10\r",
        " line 11\r",
        " line 12\r",
        "+new\r",
        " line 13\r",
        " line 14\r",
        " line 15\r",
        "@@ -18,3 +18,4 @@",
        " line 18\r",
        " line 19\r",
        " line 20\r",
        "+end",
        "\\ No newline at end of file",
        "",
    ]


def test_large_files_take_no_time(work_tree: Path) -> None:
    before = b"".join(b"- %d\n" % (number % 150) for number in range(50_000))
    for after in (
        before.replace(b"- 7\n", b"- x\n"),
        b"".join(b"- %d\n" % (number * 7 % 150) for number in range(50_000)),
        b"first\n" + before,
    ):
        started = time.process_time()
        unified(PATH, before, after)
        assert time.process_time() - started < 2
        assert_git_applies(work_tree, before, after)
