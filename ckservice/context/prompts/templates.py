"""The templates of prompts: those of a repository, in `.context/templates/prompts/`, and the ones that are built in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckservice.context.paths import read_text
from ckservice.context.prompts.handlebars import Helper, TemplateError, render
from ckservice.context.secrets import mask
from ckservice.context.snapshot import Snapshot
from ckservice.errors import InvalidArguments, PathForbidden

FOLDER = ".context/templates/prompts"
_BUILT_IN = Path(__file__).with_name("built_in")


@dataclass(frozen=True, slots=True)
class Template:
    """A template.

    Attributes:
        source: its text.
        file: relative to the repository; `None` for one that is built in.
        is_of_type: written for one type of entity, whose fields are its data; the entity is `entity` in others.
    """

    source: str
    file: str | None
    is_of_type: bool

    def fill(self, data: Mapping[str, Any]) -> str:
        """The text that comes out. Whatever looks like a secret in the data is masked: other AIs get to read it.

        Raises:
            InvalidArguments: the template is broken or takes too much, or the data is too much for one that is not.
        """
        try:
            return render(mask(self.source), data, helpers=_HELPERS, escape=mask)
        except TemplateError as error:
            if self.file is None:
                raise InvalidArguments([{"path": "entityId", "message": error.message}]) from None
            line = self.source.count("\n", 0, error.offset) + 1
            column = error.offset - self.source.rfind("\n", 0, error.offset)
            place = f"{self.file}, line {line}, column {column}"
            raise _unusable(self.file, mask(f"{place}: {error.message}")) from None


def find_template(snapshot: Snapshot, entity_type: str, kind: str) -> Template:
    """The template for a kind of prompt about a type of entity.

    `<type>.<kind>.hbs` of the repository, else `<type>.hbs` to implement and `checklist.hbs` for checklists.

    Raises:
        InvalidArguments: the repository's can't be read.
    """
    of_types = [f"{entity_type}.{kind}.hbs", *([f"{entity_type}.hbs"] if kind == "implement" else [])]
    of_all = ["checklist.hbs"] if kind == "checklist" else []
    for name in (*of_types, *of_all):
        file = f"{FOLDER}/{name}"
        source = _read(snapshot, file)
        if source is not None:
            return Template(source, file, is_of_type=name in of_types)
    return built_in(kind)


def built_in(name: str) -> Template:
    """A template of our own."""
    return Template((_BUILT_IN / f"{name}.hbs").read_text("utf-8"), None, is_of_type=False)


def _read(snapshot: Snapshot, file: str) -> str | None:
    if snapshot.root is None:
        return None
    try:
        return read_text(snapshot.root, file)
    except PathForbidden:
        message = f"{file}: it can't be read, is too large or lies outside the repository"
        raise _unusable(file, message) from None


def _unusable(file: str, message: str) -> InvalidArguments:
    return InvalidArguments(
        [{"path": "template", "message": message}],
        user_message=f"The repository's template {file} can't be used; correct it, or remove it for the built-in one.",
    )


# Those that templates in existing repositories call.


def _has_items(value: Any) -> bool:
    return bool(value)


def _increment(value: Any) -> Any:
    return value + 1 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _pad_task_id(index: Any) -> str:
    number = index if isinstance(index, int) else 0
    return f"T{number + 1:03}"


_HELPERS: dict[str, Helper] = {"hasItems": _has_items, "increment": _increment, "padTaskId": _pad_task_id}
