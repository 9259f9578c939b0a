"""Ids: whether each entity has one, alone, and its file the name that goes with it."""

import re
from collections.abc import Iterable, Iterator, Sequence

from ckservice.context.entities import KINDS, NUMBERED_ID
from ckservice.context.files import Entity, File, type_of
from ckservice.context.validation.issue import Issue, counted, shortened, shown

_NUMBERED = re.compile(NUMBERED_ID, re.IGNORECASE)
_MAX_PLACES = 3
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029/\\\\]|^\\s|\\s\\Z")
"""What the names of files, and the lines of a list, can't carry."""


def has_id(entity: Entity) -> bool:
    """Whether its id is written in it, and not guessed from the name of its file."""
    return entity.data.get("id") == entity.id


def id_issues(entity: Entity) -> Iterator[Issue]:
    """What the schema need not say of an id: it is missing, no text, or of no use as a name."""
    written = entity.data.get("id")
    if "id" not in entity.data:
        yield Issue("schema", "error", ("id",), f"id is missing; expected text such as {shortened(entity.id)}")
    elif not has_id(entity):
        yield Issue("schema", "error", ("id",), f"id is {shown(written)}; expected text of at most 256 characters")
    elif _UNFIT.search(entity.id):
        message = (
            f"id is {shown(written)}; expected no slashes, line breaks and control characters, and no blanks around it"
        )
        yield Issue("schema", "warning", ("id",), message)


def misplaced_issue(entity: Entity) -> Issue | None:
    """An error where an id is that of another type than the folder is for: it explains whatever else does not fit."""
    meant = type_of("", {"id": entity.data.get("id")})
    if meant is None or meant == entity.type:
        return None
    message = (
        f'id is "{shortened(entity.id)}", that of a {KINDS[meant].name}, but the file lies where each is a '
        f"{KINDS[entity.type].name}; expected it below contexts/{KINDS[meant].folder}"
    )
    return Issue("schema", "error", ("id",), message)


def file_name_issue(file: File) -> Issue | None:
    """A warning where the name of a file begins with another id than its entity has.

    Case does not matter: some file systems do not keep it apart. Names that begin with no id are left alone.
    """
    stem = file.path.rpartition("/")[2].rpartition(".")[0]
    numbered = _NUMBERED.match(stem)
    written = [entity for entity in file.entities if has_id(entity)]
    if numbered is not None:
        name = numbered.group()
    elif any(not KINDS[entity.type].is_numbered and stem.startswith(KINDS[entity.type].prefix) for entity in written):
        name = stem
    else:
        return None
    if not written or any(entity.id.casefold() == name.casefold() for entity in written):
        return None
    message = f'id is "{shortened(written[0].id)}", but the file is named for {shortened(name)}; expected the same'
    return Issue("schema", "warning", ("id",), message)


def duplicate_issues(places: Sequence[Entity]) -> Iterable[tuple[Entity, Issue]]:
    """One error for each place of an id that stands in several; it names the others."""
    written = [entity for entity in places if has_id(entity)]
    if len(written) < 2:
        return
    for entity in written:
        others = [_place(other, entity) for other in written[: _MAX_PLACES + 1] if other is not entity][:_MAX_PLACES]
        rest = len(written) - 1 - len(others)
        where = " and ".join(others) + (f" and {counted(rest, 'other place')}" if rest else "")
        message = f'id is "{shortened(entity.id)}", which is also that of the entity in {where}; expected each id once'
        yield entity, Issue("duplicate", "error", ("id",), message)


def _place(other: Entity, entity: Entity) -> str:
    if other.file is not entity.file and not other.document:
        return shortened(other.path, 120)
    line, _ = other.position(("id",))
    return f"{'this file' if other.file is entity.file else shortened(other.path, 120)}, line {line}"
