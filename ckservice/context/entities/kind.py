"""What is known of a type of entity beside its schema."""

from dataclasses import dataclass

from ckservice.context.types import EntityType, Relation
from ckservice.model import Model


@dataclass(frozen=True, slots=True)
class Link:
    """A field that names other entities.

    Attributes:
        field: dotted path of the field, which holds an id or a list of ids.
        relation: what the entity is to those it names.
        targets: the types that may be named.
        is_reversed: the relation goes from the named entity to this one.
        has_range: a version range may follow the id, as in `svc-git@^2.0`.
        inverse: the field of the named entity that says the same from its side.
    """

    field: str
    relation: Relation
    targets: tuple[EntityType, ...]
    is_reversed: bool = False
    has_range: bool = False
    inverse: str | None = None

    def target_id(self, value: str) -> str:
        """The id in a value of the field."""
        # The name of a scoped package begins with an "@" of its own.
        return value[:1] + value[1:].partition("@")[0] if self.has_range else value


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of entity.

    Attributes:
        model: what the built-in schema is made of.
        name: what people call it.
        folder: below `contexts/`.
        prefix: what ids begin with; where `is_numbered`, a number of three digits or more follows.
        title: the field to show as its title.
        links: the fields that name other entities.
    """

    model: type[Model]
    type: EntityType
    name: str
    folder: str
    prefix: str
    title: str
    links: tuple[Link, ...] = ()
    is_numbered: bool = True
