"""Secrets in an entity that a model is to change: it is shown marks in their place, and its answer gets them back."""

from collections.abc import Mapping
from typing import Any

from ckservice.context.secrets import mask
from ckservice.logs import REDACTED, redact


class Masking:
    """An entity without its secrets.

    Attributes:
        shown: what a model may see.
    """

    def __init__(self, entity: Mapping[str, Any]) -> None:
        self._hidden: dict[str, str] = {}
        self._marks: list[str] = []
        self.shown: dict[str, Any] = {name: self._mask(name, value) for name, value in entity.items()}

    def restore(self, value: Any) -> Any:
        """A model's answer with the texts that were hidden from it."""
        if isinstance(value, str):
            return self._hidden.get(value, value)
        if isinstance(value, list):
            return [self.restore(item) for item in value]
        if isinstance(value, Mapping):
            return {name: self.restore(member) for name, member in value.items()}
        return value

    def is_left_in(self, value: Any) -> bool:
        """Whether a restored answer still holds a mark, so that nobody knows what it stands for."""
        if isinstance(value, str):
            return any(mark in value for mark in self._marks)
        if isinstance(value, Mapping):
            return any(self.is_left_in(member) for member in value.values())
        return isinstance(value, list) and any(self.is_left_in(item) for item in value)

    def _mask(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            masked = mask(str(redact({name: value})[name]), name)
            if masked == value:
                return value
            self._marks.append(f"[redacted {len(self._marks) + 1}]")
            shown = str(masked).replace(REDACTED, self._marks[-1])
            self._hidden[shown] = value
            return shown
        if isinstance(value, list):
            return [self._mask(name, item) for item in value]
        if isinstance(value, Mapping):
            return {inner: self._mask(inner, member) for inner, member in value.items()}
        return value
