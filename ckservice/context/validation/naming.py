"""Ids: whether each entity has one, alone, and its file the name that goes with it."""

import re
from collections.abc import Iterable, Sequence

from ckservice.context.entities import KINDS
from ckservice.context.files import Entity, File
from ckservice.context.validation.issue import Issue, counted, shortened, shown

_NUMBERED = re.compile(r"(?:FEAT|US|SPEC|T)-[0-9]{3,}(?![0-9])", re.IGNORECASE)
_MAX_PLACES = 3


def has_id(entity: Entity) -> bool:
    """Whether its id is written in it, and not guessed from the name of its file."""
    return entity.data.get("id") == entity.id


def id_issue(entity: Entity) -> Issue | None:
    """What the schema does not say of an id that is missing, or no text."""
    if has_id(entity):
        return None
    if "id" not in entity.data:
        return Issue("schema", "error", ("id",), f"id is missing; expected a text such as {shortened(entity.id)}")
    return Issue(
        "schema", "error", ("id",), f"id is {shown(entity.data['id'])}; expected a text of at most 256 characters"
    )


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
