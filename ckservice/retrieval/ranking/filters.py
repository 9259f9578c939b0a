"""Which chunks may be found."""

import os
from collections.abc import Collection
from dataclasses import dataclass

_LAST = "\U0010ffff"

_IS_WINDOWS = os.name == "nt"
"""Where `\\` is another `/`, and case tells no paths apart."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Types of entities, and what paths begin with; `None` and the empty prefix stand for all."""

    entity_types: Collection[str] | None = None
    path_prefix: str = ""

    @property
    def is_open(self) -> bool:
        return self.entity_types is None and not self.path_prefix

    def joined(self, rowid: str) -> str:
        """The JOIN that the condition needs, from a column with numbers of chunks."""
        chunk = "" if self.is_open else f"JOIN chunk ON chunk.id = {rowid}"
        return f"{chunk} JOIN file ON file.id = chunk.file" if self.path_prefix else chunk

    @property
    def condition(self) -> str:
        """What follows in a WHERE."""
        types = "" if self.entity_types is None else f" AND entity_type IN ({', '.join('?' * len(self.entity_types))})"
        path = "file.path COLLATE NOCASE" if _IS_WINDOWS else "file.path"
        return f"{types} AND {path} >= ? AND {path} < ?" if self.path_prefix else types

    @property
    def values(self) -> tuple[str, ...]:
        """What the question marks of the condition stand for."""
        paths = (self.path_prefix, self.path_prefix + _LAST) if self.path_prefix else ()
        return (*(self.entity_types or ()), *paths)


def normal_prefix(given: str) -> str:
    """What paths in an index begin with where somebody means `given`: `docs/` for `./docs/` and `/docs/`."""
    prefix = given.replace("\\", "/") if _IS_WINDOWS else given
    while prefix.startswith(("/", "./")):
        prefix = prefix.removeprefix(".").lstrip("/")
    return "" if prefix == "." else prefix
