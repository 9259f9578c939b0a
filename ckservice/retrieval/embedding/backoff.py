"""After failures beside the requests: told once, and tried again after a while, which grows."""

import logging
from time import monotonic

from ckservice.errors import CkserviceError

log = logging.getLogger(__name__)


class Backoff:
    """A run of failures, and how long nothing is tried after each.

    Args:
        told: the line of the log for the first one.
        first: seconds that are waited after it; after each further one, twice as many.
        most: seconds that are waited at most.

    Attributes:
        error: the last failure; `None` where the last attempt went well.
        failed_at: when that was, in seconds of the monotonic clock.
    """

    def __init__(self, told: str, *, first: float, most: float) -> None:
        self.error: Exception | None = None
        self.failed_at = 0.0
        self._told = told
        self._first = first
        self._most = most
        self._seconds = 0.0
        self._until = 0.0

    @property
    def problem(self) -> str | None:
        """What went wrong, and what to do where that is known, in a sentence without secrets."""
        told = self.error.user_message if isinstance(self.error, CkserviceError) else None
        return told or self._reason

    @property
    def is_waiting(self) -> bool:
        """Whether it is too early for another attempt."""
        return monotonic() < self._until

    @property
    def _reason(self) -> str | None:
        if self.error is None:
            return None
        return self.error.message if isinstance(self.error, CkserviceError) else type(self.error).__name__

    def failed(self, error: Exception) -> None:
        is_first, self.error = self.error is None, error.with_traceback(None)
        if is_first:
            log.warning(self._told, extra={"reason": self._reason})
        self._seconds = min(2 * self._seconds or self._first, self._most)
        self.failed_at = monotonic()
        self._until = self.failed_at + max(self._seconds, getattr(error, "retry_after", None) or 0.0)

    def succeeded(self) -> None:
        self.error, self._seconds, self._until = None, 0.0, 0.0
