"""JSON-RPC batches: many requests in one array, answered with one array."""

from collections.abc import Callable

MAX_MESSAGES = 4096
"""A longer batch is refused as a whole: of its worst answers no more would fit one message."""

_ERROR_BYTES = 1024
"""Room kept for each answer still to come; an error is smaller than that."""


class Batch:
    """Gathers the responses to a batch and sends them when the last one has come."""

    def __init__(self, size: int, max_bytes: int, send: Callable[[bytes], None]) -> None:
        self._missing = size
        self._room = max_bytes - len("[]\n")
        self._send = send
        self._responses: list[bytes] = []

    def fits(self, response: bytes) -> bool:
        """Whether the array stays within its bound with this response in it."""
        return len(response) < _ERROR_BYTES or len(response) < self._room - self._missing * _ERROR_BYTES

    def add(self, response: bytes) -> None:
        """Take a response, without its line end."""
        self._responses.append(response)
        self._room -= len(response) + 1
        self._missing -= 1
        if self._missing == 0:
            self._send(b"[" + b",".join(self._responses) + b"]\n")
