"""What is told while a request runs. `seq` counts all notifications of one request without a gap."""

from typing import Annotated

from pydantic import Field

from ckservice.jsonrpc.method import Notification
from ckservice.model import Maybe, Model
from ckservice.retrieval.model import RagSource
from ckservice.types import Usage


class StreamParams(Model):
    """What all notifications of a request share."""

    request_id: str | int = Field(description="The id of the request it belongs to.")
    seq: Annotated[int, Field(ge=0)] = Field(description="0, 1, 2 … over all notifications of the request.")


class TokenParams(StreamParams):
    """Text of the answer. While the host reads slowly, several pieces come as one."""

    token: str
    token_index: Annotated[int, Field(ge=0)] = Field(
        description="How many pieces the provider had sent before this text."
    )


class ReasoningParams(StreamParams):
    """Text of the model's reasoning."""

    token: str


class ProgressParams(StreamParams):
    """What is going on, where it takes a while: retries, repairs, indexing, waiting for an approval."""

    phase: str = Field(
        description="`retry`, `fallback`, `waiting` or `repair`; text that comes after a repair begins the answer anew. Of an"
        " index: `scanning`, `indexing` (files) or `embedding` (texts)."
    )
    message: str
    completed: Maybe[int] = None
    total: Maybe[int] = None


class SourceParams(StreamParams):
    """Something that the answer is going to be made of; all of them come before its first token."""

    source: RagSource


class UsageParams(StreamParams):
    """What the request has used so far."""

    usage: Usage


TOKEN = Notification("stream/token", TokenParams, "Text of the answer, as it comes.", text="token", index="tokenIndex")
REASONING = Notification("stream/reasoning", ReasoningParams, "Text of the model's reasoning.", text="token")
SOURCE = Notification("stream/source", SourceParams, "A source of the answer.")
PROGRESS = Notification("stream/progress", ProgressParams, "What is going on in a longer piece of work.")
USAGE = Notification("stream/usage", UsageParams, "Tokens and cost so far.")
