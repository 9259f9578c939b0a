"""The bytes of a file after an entity in it has changed."""

from collections.abc import Mapping
from typing import Any

from ckservice.context.files import Entity, read_file
from ckservice.context.saving.draft import Draft, invalid
from ckservice.context.saving.placing import Place
from ckservice.context.yaml.editing import edit
from ckservice.context.yaml.emitting import emit
from ckservice.context.yaml.reading import MAX_BYTES, encode, read, split


def bytes_after(draft: Draft, place: Place) -> bytes:
    """What a file holds once a draft has been saved in it.

    Text is written as it was given. Values are put into the text that is there, of which nothing else changes.

    Raises:
        InvalidEntity: it is too large, or the file holds something that would not survive.
    """
    if place.entity is not None:
        after = with_data(place.entity, draft.data) if draft.text is None else _with_text(place.entity, draft)
    else:
        after = encode(draft.text if draft.text is not None else emit(draft.data), place.before or b"")
    if len(after) > MAX_BYTES:
        raise invalid(draft.id, "", f"would make a file of {len(after):,} bytes; at most {MAX_BYTES:,} are read")
    if not any(entity.id == draft.id for entity in read_file(place.path, after).entities):
        raise invalid(draft.id, "id", f"would not be found again in {place.path}")
    return after


def with_data(entity: Entity, data: Mapping[str, Any]) -> bytes:
    """The file of an entity once it holds other values.

    Raises:
        InvalidEntity: the file holds something that would not survive.
    """
    _check_encoding(entity)
    try:
        return encode(edit(entity.file.text, data, entity.document), entity.file.data)
    except ValueError:
        raise invalid(entity.id, "", f"can't be put into {entity.path} by its values; save it as YAML") from None


def _with_text(entity: Entity, draft: Draft) -> bytes:
    """The file of an entity once its document has another text. Other documents stay as they are."""
    assert draft.text is not None
    documents = split(entity.file.text)
    if len(documents) == 1:
        return encode(draft.text, entity.file.data)
    _check_encoding(entity)
    end = "\r\n" if "\r\n" in entity.file.text else "\n"
    closed = draft.text if draft.text.endswith("\n") or entity.document == len(documents) - 1 else draft.text + end
    for piece in (closed, f"---{end}{closed}"):
        text = "".join([*documents[: entity.document], piece, *documents[entity.document + 1 :]])
        if _holds(text, entity, draft.data):
            return encode(text, entity.file.data)
    raise invalid(entity.id, "", f"does not fit between the other documents of {entity.path}")


def _check_encoding(entity: Entity) -> None:
    """What is not UTF-8 would be lost with the first change."""
    if encode(entity.file.text, entity.file.data) != entity.file.data:
        raise invalid(entity.id, "", f"can't be changed in {entity.path}, which is not UTF-8 text")


def _holds(text: str, entity: Entity, data: Mapping[str, Any]) -> bool:
    """Whether a text is that of the entity's file with other values for the entity, and nothing else is different."""
    wanted = list(read(entity.file.text).documents)
    wanted[entity.document] = data
    return list(read(text).documents) == wanted
