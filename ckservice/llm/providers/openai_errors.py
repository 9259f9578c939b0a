"""Errors of OpenAI, and of the servers that imitate it, as errors of ours.

https://platform.openai.com/docs/guides/error-codes. Their words decide what kind of error it is, and go no further.
"""

import re
from typing import TYPE_CHECKING, Any

from ckservice import errors
from ckservice.llm.failures import from_status, not_the_api, title
from ckservice.types import ProviderName

if TYPE_CHECKING:
    import openai

_KINDS: tuple[tuple[type[errors.ProviderError], re.Pattern[str]], ...] = (
    (errors.QuotaExceeded, re.compile("quota|billing|insufficient.?(balance|credit|fund)")),
    (errors.ContextWindowExceeded, re.compile("context.?(length|size|window)|above_max_length")),
    (errors.RateLimited, re.compile(r"rate.?limit|too.?many.?requests|\b(tokens|requests)\b")),
    (errors.ContentFiltered, re.compile("content.?(filter|policy)|responsible.?ai|policy_violation|bio_policy")),
    (errors.ContentFiltered, re.compile("invalid_prompt")),  # its message says that the prompt was flagged
    (errors.ModelNotFound, re.compile("not.?found|model.?not.?available")),
    (errors.AuthenticationFailed, re.compile("api.?key|authentication|unauthorized|permission")),
    (errors.ProviderUnavailable, re.compile("server.?error|overloaded|unavailable|time.?out|internal|api_error")),
    (errors.ProviderRejected, re.compile("(invalid|bad).?request")),
)
"""By words in `code` and `type`; the first that fits."""

_TOO_LONG = re.compile("context (length|size|window)|the context overflows")
"""In the message of servers that give a prompt that is too long no code of its own: vLLM, LM Studio."""

_OF_THE_ADDRESS = (404, 405, 410, 501)
"""Statuses of what is not there. A web server gives them for any path it doesn't know."""

_A_MODEL = re.compile(r"(?<!/)\b(model|deployment)s?\b(?!/)|(model|deployment).?not.?found")
_FORM = re.compile(r"response_format|text\.format|json.?schema|\bgrammar\b")
_WRONG_KEY = re.compile(r"api.?key not valid|(invalid|incorrect) api.?key")
_UNSUPPORTED = re.compile(r"(unsupported|unknown)_(parameter|value)")
_UNRECOGNIZED = re.compile(r"unrecognized request arguments? supplied: (\w+)")
_ESSENTIAL = re.compile(r"(text|response_format|tools|tool_choice)\b")
"""Parameters without which the answer would be another."""

_OWN_EXTRAS = ("include", "reasoning", "reasoning.summary")
"""Parameters that nobody has asked for, and that are refused without a code."""


def error_in(body: Any) -> dict[str, Any] | None:
    """The error object in an answer or an event; `None` where the body is no JSON object, such as a web page.

    Gemini sends it in a list, LM Studio a text for it, FastAPI none at all.
    """
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, dict):
        return None
    error = body.get("error") or body
    return error if isinstance(error, dict) else {"message": error}


def body_of(error: "openai.APIStatusError") -> dict[str, Any] | None:
    """The error object in an answer that the SDK has raised; `None` where there is none."""
    try:
        return error_in(error.response.json())
    except (ValueError, RecursionError, RuntimeError):  # the last: its body could not be read
        return None


def unsupported_parameter(error: dict[str, Any] | None) -> str:
    """The parameter that a model does not take, and that can be left out; empty where the error is another."""
    told = error or {}
    parameter = str(told.get("param") or "")
    if _ESSENTIAL.match(parameter):
        return ""
    if parameter in _OWN_EXTRAS or _UNSUPPORTED.search(str(told.get("code"))):
        return parameter
    found = _UNRECOGNIZED.search(str(told.get("message")).lower())
    return found[1] if found else ""


def from_answer(
    provider: ProviderName, raised: "openai.APIStatusError", *, model: str = "", has_form: bool = False
) -> errors.ProviderError:
    """The error for an answer other than 2xx.

    Args:
        provider: who answered.
        raised: by the SDK.
        model: what was asked for; empty where the question names none.
        has_form: whether the question asks for a form.
    """
    status, headers, error = raised.status_code, raised.response.headers, body_of(raised)
    if status < 400 or (error is None and status in _OF_THE_ADDRESS):
        return not_the_api(provider, status)
    kind = _kind(error or {}, status, has_form=has_form)
    if status in _OF_THE_ADDRESS:
        if not model or not _A_MODEL.search(_words(error, "code", "param", "message")):
            return not_the_api(provider, status)
        kind = errors.ModelNotFound
    user_message = None
    if kind is errors.ModelNotFound and model:
        what = "deployment" if provider == "azure-openai" else "model"
        user_message = f'{title(provider)} has no {what} "{model}"; choose another in the settings.'
    return from_status(provider, status, headers, kind=kind, user_message=user_message)


def from_stream(provider: ProviderName, body: Any, *, has_text: bool) -> errors.ProviderError:
    """The error for one that came under status 200, in place of text or behind some.

    Args:
        provider: who answered.
        body: the error object, or what holds it, or its text.
        has_text: whether there was text before it.
    """
    name = title(provider)
    if has_text:
        return errors.StreamInterrupted(f"{name} met an error in the middle of its answer.", provider=provider)
    error = {"message": body} if isinstance(body, str) else error_in(body) or {}
    kind, code = _kind(error, 400), str(error.get("code"))
    if re.fullmatch("[45][0-9][0-9]", code):  # gateways repeat the status that they were given
        return from_status(provider, int(code), {}, kind=kind)
    kind = kind or errors.ProviderUnavailable
    return kind(f"{name} answered with an error instead of text.", provider=provider)


def _kind(error: dict[str, Any], status: int, *, has_form: bool = False) -> type[errors.ProviderError] | None:
    """What an error is, as far as its words tell; those under a status of the server's own are not asked."""
    if status >= 500:
        return None
    known_as = _words(error, "code", "type")
    if _TOO_LONG.search(_words(error, "message")):
        known_as += " context_length"
    kind = next((kind for kind, words in _KINDS if words.search(known_as)), None)
    if kind not in (None, errors.ProviderRejected):
        return kind
    if status not in (400, 422):
        return None
    if has_form and _FORM.search(_words(error, "code", "param", "message")):
        return errors.FormatRefused
    return errors.AuthenticationFailed if _WRONG_KEY.search(_words(error, "message")) else kind


def _words(error: dict[str, Any] | None, *names: str) -> str:
    return " ".join(str((error or {}).get(name)) for name in names).lower()
