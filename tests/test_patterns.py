"""Regular expressions that others wrote are matched in linear time, or refused."""

import re
import warnings
from time import thread_time

import pytest

from ckservice.patterns import Unmatchable, matcher

pytestmark = pytest.mark.source

TEXTS = [
    "",
    "a",
    "ab",
    "b",
    "foo",
    "foobar",
    "barfoo",
    "x-y",
    "x--y",
    "[",
    "]",
    "a[b",
    "&",
    "~",
    "<b>",
    "9",
    "a\nb",
    "FEAT-001",
    "-",
]


@pytest.mark.parametrize(
    "pattern",
    [
        "^a",
        "b$",
        "^[^[]*$",
        r"^[^\[]*$",
        "[a&&b]",
        "[~~a]",
        "[+--]",
        r"\<b\>",
        r"^[\<]",
        "^(?!foo)",
        "^(?!foo)[a-z]+$",
        "^(?=.*bar)(?!bar)",
        r"^(?!.*--)[a-z-]+$",
        r"^(?![)\]])\S*$",
        r"^(?=[(a])a",
        "^(FEAT|US)-[0-9]{3,}$",
    ],
)
def test_a_pattern_means_what_it_means_to_everybody(pattern: str) -> None:
    matches = matcher(pattern)
    warnings.simplefilter("ignore")  # Python says that it might come to read them as Rust does
    assert [bool(matches(text)) for text in TEXTS] == [re.search(pattern, text) is not None for text in TEXTS]


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "(?<=a)b", r"(a)\1", "^(?!a", "[", "*", "(?P<n>a)(?P=n)"])
def test_what_can_not_be_matched_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(Unmatchable):
        matcher(pattern)


def test_no_pattern_takes_long() -> None:
    began = thread_time()
    for pattern in ("^(a+)+$", "^(?!(a|aa)+b)(a|a)*$", "(x+x+)+y"):
        matcher(pattern)("a" * 10_000 + "x" * 10_000)
    assert thread_time() - began < 5
