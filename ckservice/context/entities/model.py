"""The bases of the models that the built-in schemas are made of."""

from pydantic import ConfigDict

from ckservice.model import Model


class OpenPart(Model):
    """A mapping in an entity. It may have further keys: people add their own."""

    model_config = ConfigDict(extra="allow")


class ClosedPart(Model):
    """A mapping in a governance document, which holds nothing but what is defined."""

    model_config = ConfigDict(extra="forbid")
