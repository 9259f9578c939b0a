"""What goes wrong beside the requests: told once, and not tried again for a while."""

import logging
from time import monotonic

from ckservice.errors import CkserviceError

log = logging.getLogger(__name__)


class Trouble:
    """A run of failures.

    Args:
        told: the line of the log for the first one.
        first: seconds that are waited after it; after each further one, twice as many.
        most: seconds that are waited at most.

    Attributes:
        error: the last failure; `None` where the last attempt went well.
        at: when that was, on the monotonic clock, in seconds.
    """

    def __init__(self, told: str, *, first: float, most: float) -> None:
        self.error: Exception | None = None
        self.at = 0.0
        self._told = told
        self._first = first
        self._most = most
        self._seconds = 0.0
        self._until = 0.0

    @property
    def problem(self) -> str | None:
        """What went wrong, in a sentence without secrets."""
        if self.error is None:
            return None
        return self.error.message if isinstance(self.error, CkserviceError) else type(self.error).__name__

    def is_fresh(self) -> bool:
        """Whether it is too early for another attempt."""
        return monotonic() < self._until

    def note(self, error: Exception) -> None:
        """Take in a failure."""
        is_first, self.error = self.error is None, error.with_traceback(None)
        if is_first:
            log.warning(self._told, extra={"reason": self.problem})
        self._seconds = min(2 * self._seconds or self._first, self._most)
        self.at = monotonic()
        self._until = self.at + max(self._seconds, getattr(error, "retry_after", None) or 0.0)

    def end(self) -> None:
        """Take in that it went well."""
        self.error, self._seconds, self._until = None, 0.0, 0.0
