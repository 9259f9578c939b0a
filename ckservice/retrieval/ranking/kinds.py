"""What kind of file something stands in: a question in natural language is rather answered by entities and documents.

Tests repeat the words of questions, and definitions are short, so that words alone would put them first.
"""

import re

from ckservice.retrieval.ranking.query import has_identifier, words

_SOURCE = 0.9
_TEST = 0.7
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|e2e)/|(?:^|/)(?:test_[^/]*|conftest\.py)$|[._-](?:test|spec)s?\.[a-z]{1,5}$",
    re.IGNORECASE,
)
_SPEAKS_OF_TESTS = frozenset({"test", "tests", "tested", "testing"})


class Kinds:
    """What chunks count by their kinds, for one question.

    Args:
        question: one that names identifiers is asked of the source, and one that speaks of tests is asked of them.
    """

    def __init__(self, question: str) -> None:
        self._source = 1.0 if has_identifier(question) else _SOURCE
        self._test = self._source if not _SPEAKS_OF_TESTS.isdisjoint(words(question)) else _TEST

    def worth(self, entity_type: str, path: str) -> float:
        """From 0 to 1; entities and documents count in full."""
        if entity_type not in ("source", "document"):
            return 1.0
        if _TEST_PATH.search(path):
            return self._test
        return self._source if entity_type == "source" else 1.0
