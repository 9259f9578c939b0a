"""Text that comes in small pieces, and may have to wait for long."""

_PIECES = 1024
"""So many are joined at a time: each string costs 50 bytes beside its characters."""


class Text:
    """Text that grows by pieces. Its `str` is all of it."""

    __slots__ = ("_joined", "_pieces")

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._pieces: list[str] = []

    def __str__(self) -> str:
        return "".join((*self._joined, *self._pieces))

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        if len(self._pieces) == _PIECES:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()
