"""What a user wants to have written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckservice.context.types import EntityType


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    Attributes:
        entity_type: `None` where what is to be changed says it.
        prompt: what the user says.
        entity_id: of the entity that is to be changed.
        current: the entity that is to be changed, where it is not saved.
        linked_feature_id: the feature that a new one belongs to.
        linked_ids: further entities that it is to be linked to.
    """

    entity_type: EntityType | None
    prompt: str
    entity_id: str | None = None
    current: Mapping[str, Any] | None = None
    linked_feature_id: str | None = None
    linked_ids: Sequence[str] = ()
    max_repairs: int = 2
    use_context: bool = True
    save: bool = False

    @property
    def is_change(self) -> bool:
        """Whether there is something to be changed already."""
        return self.entity_id is not None or self.current is not None
