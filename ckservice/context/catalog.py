"""Lists of entities, the ids that are still free, and where a new entity belongs."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ckservice.context.entities import KINDS
from ckservice.context.fields import texts
from ckservice.context.files import CONTEXTS, Entity, type_of_folder
from ckservice.context.paths import RESERVED_NAMES
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.errors import InvalidArguments

_RANKS = {entity_type: rank for rank, entity_type in enumerate(KINDS)}
_NUMBER = re.compile(r"([0-9]+)")
_MAX_SLUG = 50
_MAX_TITLE = 1000
"""Characters of a title that a slug is made of."""

_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
"""Letters that Unicode does not take apart."""

_DROPPED = re.compile("['\u2019\u0300-\u036f]")
"""Apostrophes, and the accents that were taken off their letters."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        cursor: where the next part begins; `None` after the last.
    """

    entities: list[Entity]
    cursor: str | None


def page(snapshot: Snapshot, entity_type: EntityType | None, query: str | None, cursor: str | None, limit: int) -> Page:
    """A part of the entities that a query finds, by type, id and path; an id that stands in several places is shown for each.

    A cursor names the last entity that was shown, so nothing is missed or shown twice when others come and go.

    Raises:
        InvalidArguments: `cursor` is none that was given out.
    """
    words = query.casefold().split() if query is not None else []
    entities = [entity for file in snapshot.files.values() for entity in file.entities]
    found = [entity for entity in entities if entity_type in (None, entity.type) and _is_found(entity, words)]
    found.sort(key=lambda entity: _place(entity.type, entity.id, entity.path))
    if cursor is not None:
        shown = _place_of(cursor)
        found = [entity for entity in found if _place(entity.type, entity.id, entity.path) > shown]
    shown_last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], f"{shown_last.type}\n{shown_last.id}\n{shown_last.path}" if shown_last else None)


def _is_found(entity: Entity, words: list[str]) -> bool:
    text = f"{entity.id}\n{entity.title}\n{entity.path}".casefold() if words else ""
    return all(word in text for word in words)


def _place(entity_type: EntityType, entity_id: str, path: str) -> tuple[object, ...]:
    """What to sort by: numbers in ids count as numbers, of which longer ones are larger."""
    parts = _NUMBER.split(entity_id)
    numbers = [number.lstrip("0") for number in parts[1::2]]
    pairs = [(name, len(number), number) for name, number in zip(parts[::2], [*numbers, ""], strict=True)]
    return (_RANKS[entity_type], pairs, entity_id, path)


def _place_of(cursor: str) -> tuple[object, ...]:
    name, _, rest = cursor.partition("\n")
    entity_id, _, path = rest.rpartition("\n")
    for entity_type in KINDS:
        if entity_type == name and entity_id:
            return _place(entity_type, entity_id, path)
    raise InvalidArguments([{"path": "cursor", "message": "is not the `nextCursor` of another page"}])


def next_id(snapshot: Snapshot, entity_type: EntityType) -> str:
    """The next free id: one more than the highest in use, also in links and in names of files.

    Types whose ids are names get a number too: `svc-001`; `id_for` makes them better ones.
    """
    prefix = KINDS[entity_type].prefix
    # No number of 18 digits or more was counted up to.
    numbered = re.compile(rf"{prefix}([0-9]{{1,17}})(?![0-9])", re.IGNORECASE)
    used = (*_used_ids(snapshot), *_linked_ids(snapshot))
    highest = max((int(found[1]) for name in used if (found := numbered.match(name)) is not None), default=0)
    return f"{prefix}{highest + 1:03}"


def is_taken(snapshot: Snapshot, entity_type: EntityType, entity_id: str) -> bool:
    """Whether a new entity can't have an id: one with a number also where others only link to it."""
    if entity_id in snapshot.entities or entity_id in snapshot.unreadable_ids:
        return True
    return KINDS[entity_type].is_numbered and entity_id in _linked_ids(snapshot)


def id_for(snapshot: Snapshot, entity_type: EntityType, title: str) -> str:
    """A free id for a new entity: the next number, or for types whose ids are names one made of its title.

    An id that is only linked to is taken as free for those: the entity that was missing is the one to come.
    """
    kind = KINDS[entity_type]
    name = slug(title).removeprefix(kind.prefix.lower())
    if kind.is_numbered or not name:
        return next_id(snapshot, entity_type)
    wanted = kind.prefix + (name.upper() if kind.prefix.isupper() else name)
    return _free(wanted, {used.casefold() for used in _used_ids(snapshot)})


def _free(wanted: str, taken: set[str]) -> str:
    """A name, with a number behind it where it is taken."""
    name, number = wanted, 1
    while name.casefold() in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _used_ids(snapshot: Snapshot) -> Iterator[str]:
    """Ids of entities, readable or not, and names of files, which most often begin with an id."""
    for path, file in snapshot.files.items():
        yield path.rpartition("/")[2].rpartition(".")[0]
        for entity in file.entities:
            yield entity.id
    yield from snapshot.unreadable_ids


def _linked_ids(snapshot: Snapshot) -> Iterator[str]:
    for file in snapshot.files.values():
        for entity in file.entities:
            for link in KINDS[entity.type].links:
                for _, value in texts(entity.data, link.field):
                    yield link.target_id(value)


def slug(title: str) -> str:
    """A title as part of a file name: lower case, ASCII letters, digits and dashes, at most 50 characters.

    It may be empty: nothing is left of a title in a script whose letters do not resemble ours.
    """
    plain = unicodedata.normalize("NFKD", title[:_MAX_TITLE].casefold().translate(_LETTERS)).casefold()
    words = re.sub(r"[^a-z0-9]+", "-", _DROPPED.sub("", plain)).strip("-")
    if len(words) > _MAX_SLUG:  # between two words, unless the last one is very long
        words = words[:_MAX_SLUG] if "-" not in words[:_MAX_SLUG] else words[: _MAX_SLUG + 1].rpartition("-")[0]
    return words


def suggested_path(entity_type: EntityType, entity_id: str, title: str, snapshot: Snapshot) -> str:
    """Where a new entity belongs: `contexts/tasks/T-007-write-the-manual.yaml`, `contexts/services/svc-git.yaml`.

    Args:
        entity_type: of the entity.
        entity_id: of the entity; where it can't be part of a file name everywhere, a name is made of it.
        title: a slug of it follows a numbered id.
        snapshot: of the repository: the folder that it has for this type is used, whatever its spelling
            (`contexts/user-stories`), and no path that is taken.
    """
    kind = KINDS[entity_type]
    name = entity_id if _SAFE_NAME.fullmatch(entity_id) else slug(entity_id)
    if not name or name.partition(".")[0].casefold() in RESERVED_NAMES:
        name = kind.prefix + (name or "new")
    if kind.is_numbered and (words := slug(title)):
        name = f"{name}-{words}"
    taken = {path.rpartition(".")[0].casefold() for path in snapshot.files}
    return f"{_free(f'{_folder_of(entity_type, snapshot)}/{name}', taken)}.yaml"


def _folder_of(entity_type: EntityType, snapshot: Snapshot) -> str:
    """The folder that a repository has for a type: the one with the most files, the shortest and first of several."""
    counts: Counter[str] = Counter()
    for path in snapshot.files:
        parts = path.split("/")
        place = next((place for place, part in enumerate(parts[:-1]) if type_of_folder(part) == entity_type), None)
        if place is not None:
            counts["/".join(parts[: place + 1])] += 1
    usual = f"{CONTEXTS}/{KINDS[entity_type].folder}"
    return min(counts, key=lambda folder: (-counts[folder], len(folder), folder), default=usual)
