"""Which models there are, as `/models` lists them: https://platform.openai.com/docs/api-reference/models."""

import re
from typing import Any

from ckservice.types import ModelInfo, ProviderName

_CHAT = re.compile(
    r"(gpt-|chatgpt-|o\d|codex)(?!.*(audio|realtime|image|tts|transcribe|translate|instruct|search|live))"
)
"""OpenAI's models that answer conversations, by their names: nothing else tells."""


def model_infos(answer: Any, provider: ProviderName, *, is_openai: bool) -> list[ModelInfo]:
    """The models in a list; what has no id is none.

    Args:
        answer: as it came.
        provider: who lists them.
        is_openai: whether it is OpenAI itself, whose models are known by their names.

    Raises:
        LookupError, TypeError: it is no such list.
    """
    entries = answer["data"]
    if not isinstance(entries, list):
        raise TypeError
    listed = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    return [_model_info(entry, provider, is_openai=is_openai) for entry in listed]


def _model_info(entry: dict[str, Any], provider: ProviderName, *, is_openai: bool) -> ModelInfo:
    """One model. Some servers tell more than OpenAI: OpenRouter, vLLM, LM Studio."""
    name = entry["id"]
    is_chat = _CHAT.match(name) is not None if is_openai else None
    parameters = entry.get("supported_parameters")
    has_tools = "tools" in parameters if isinstance(parameters, list) else is_chat
    has_forms = "structured_outputs" in parameters if isinstance(parameters, list) else is_chat
    windows = (entry.get(member) for member in ("context_length", "max_model_len", "max_context_length"))
    return ModelInfo(
        id=name,
        name=title if isinstance(title := entry.get("name"), str) and title else name,
        provider=provider,
        context_window=next((window for window in windows if type(window) is int and window > 0), None),
        supports_streaming=is_chat is not False,
        supports_tools=has_tools,
        supports_structured_output=has_forms,
    )
