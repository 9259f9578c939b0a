"""How many tokens a text has, roughly, where nobody can tell exactly."""

from ckservice.types import ChatRequest

BYTES_PER_TOKEN = 4
"""English prose, https://help.openai.com/en/articles/4936856; other scripts take more bytes, and more tokens."""

_TOKENS_PER_MESSAGE = 4
"""The role and the marks around a message."""


def estimate_text(text: str) -> int:
    """The tokens of a text; an estimate."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def estimate_tokens(request: ChatRequest) -> int:
    """The tokens of a prompt, tools and schema included; an estimate."""
    texts = [message.content for message in request.messages]
    texts += [call.model_dump_json() for message in request.messages for call in message.tool_calls or ()]
    texts += [tool.model_dump_json() for tool in request.tools]
    if request.response_format is not None:
        texts.append(request.response_format.model_dump_json())
    return sum(map(estimate_text, texts)) + _TOKENS_PER_MESSAGE * len(request.messages)
