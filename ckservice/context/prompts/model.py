"""Prompts as they are shown."""

from typing import Literal

from pydantic import Field

from ckservice.model import Maybe, Model

PromptKind = Literal["implement", "review", "test", "checklist"]


class PromptReference(Model):
    """Something that the prompt draws on."""

    id: Maybe[str] = Field(None, description="Of an entity.")
    title: str
    file: str = Field(description="Relative to the repository, with `/`.")


class RenderedPrompt(Model):
    """A prompt, before its tokens are counted."""

    prompt: str
    checklist: Maybe[str] = Field(
        None, description="Markdown with a box for each thing to check; absent where the prompt itself is one."
    )
    references: list[PromptReference]
