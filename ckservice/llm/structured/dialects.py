"""How providers take a JSON Schema for their answer: each in a dialect of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ckservice.llm.structured.strict_schema import Form

Rung = Literal["strict", "loose", "prompt"]
"""Ways to ask for a form, best first: enforced by the provider, in its own dialect; passed to the provider as it is,
with no promise; described in the prompt."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's way.

    Attributes:
        rungs: those it has, best first; the last is always `prompt`.
        translate: a schema into the dialect of `strict`; `None` where it can't be said there.
        also_in_prompt: whether the model sees the schema only if the prompt shows it.
        can_repair: whether it answers differently when it is told what was wrong.
    """

    rungs: tuple[Rung, ...]
    translate: Callable[[dict[str, Any]], "Form | None"] = lambda _: None
    also_in_prompt: bool = False
    can_repair: bool = True


def _in_openais_words(schema: dict[str, Any]) -> "Form | None":
    from ckservice.llm.structured import subsets  # noqa: PLC0415 - only for those who ask for a form

    return subsets.translate(subsets.OPENAI, schema)


def _in_anthropics_words(schema: dict[str, Any]) -> "Form | None":
    from ckservice.llm.structured import subsets  # noqa: PLC0415 - as above

    return subsets.translate(subsets.ANTHROPIC, schema)


OPENAI = Dialect(("strict", "loose", "prompt"), _in_openais_words)
ANTHROPIC = Dialect(("strict", "prompt"), _in_anthropics_words)
OLLAMA = Dialect(("loose", "prompt"), also_in_prompt=True)
OFFLINE = Dialect(("loose", "prompt"), can_repair=False)
