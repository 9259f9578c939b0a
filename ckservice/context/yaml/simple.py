"""The quick way to read: straight from the events of libyaml to values, for what most texts are made of."""

from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ckservice.context.yaml.nodes import MAX_DEPTH
from ckservice.context.yaml.plain import plain


def values(text: str) -> list[Any] | None:
    """The documents of a text; `None` where there is something to complain about, an anchor or a tag."""
    try:
        parser = CParser(text)
    except UnicodeEncodeError:
        return None
    try:
        return _values(parser)
    except yaml.YAMLError:
        return None
    finally:
        parser.dispose()


def _values(parser: Any) -> list[Any] | None:  # noqa: C901, PLR0912 - a call for each event takes as long as it all
    documents: list[Any] = []
    around: list[Any] = []
    holder: Any = documents
    name: str | None = None
    while (event := parser.get_event()) is not None:
        kind = type(event)
        if kind is ScalarEvent:
            if event.tag is not None or event.anchor is not None:
                return None
            value = event.value
            if name is None and type(holder) is dict:
                if value == "<<" or value in holder:
                    return None
                name = value
                continue
            if not event.style:
                value = plain(value)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            is_key = name is None and type(holder) is dict
            if is_key or event.tag is not None or event.anchor is not None or len(around) == MAX_DEPTH:
                return None
            value = {} if kind is MappingStartEvent else []
            around.append(holder)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            holder = around.pop()
            continue
        elif kind is AliasEvent:
            return None
        else:
            continue
        if name is None:
            holder.append(value)
        else:
            holder[name] = value
            name = None
        if kind is not ScalarEvent:
            holder = value
    return documents
