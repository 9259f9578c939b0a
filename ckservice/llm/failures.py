"""What went wrong with a provider, as errors of ours: the part that is the same for all of them.

An adapter looks first at what its provider says of the failure; what it can't tell from that, it asks here.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping

from ckservice import errors
from ckservice.types import ProviderName
from ckservice.urls import is_loopback, origin

_TITLES: dict[ProviderName, str] = {
    "azure-openai": "Azure OpenAI",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "ollama": "Ollama",
    "offline": "The offline provider",
}
_BY_STATUS: dict[int, type[errors.ProviderError]] = {
    401: errors.AuthenticationFailed,
    402: errors.QuotaExceeded,
    403: errors.AuthenticationFailed,
    404: errors.ModelNotFound,
    408: errors.ProviderUnavailable,
    413: errors.ContextWindowExceeded,
    425: errors.ProviderUnavailable,
    429: errors.RateLimited,
}


def title(provider: ProviderName) -> str:
    """The provider's name as people know it."""
    return _TITLES[provider]


def from_status(
    provider: ProviderName,
    status: int,
    headers: Mapping[str, str],
    *,
    kind: type[errors.ProviderError] | None = None,
    user_message: str | None = None,
) -> errors.ProviderError:
    """The error for an HTTP status other than 2xx; `kind`, where the adapter knows better than the status."""
    if status == 407:  # which no provider says
        kind = errors.ProviderUnavailable
        user_message = "The proxy wants to know who asks; name its user and password in the settings."
    if kind is None and status == 403 and "html" in headers.get("content-type", "").lower():
        return not_the_api(provider, status)  # a log-in page, or what a proxy says of the address
    if kind is None:
        kind = errors.ProviderUnavailable if status >= 500 else _BY_STATUS.get(status, errors.ProviderRejected)
    return kind(
        f"{title(provider)} answered with HTTP status {status}.",
        provider=provider,
        http_status=status,
        retry_after=retry_after(headers),
        upstream_request_id=headers.get("x-request-id") or headers.get("request-id"),
        user_message=user_message,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a server asks to wait (`retry-after-ms`, `Retry-After`); `None` for a date, or for nonsense."""
    milliseconds, seconds = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    return float(seconds) if re.fullmatch(r"\d{1,6}(\.\d+)?", seconds) else None


def unreachable(provider: ProviderName, endpoint: str, error: BaseException) -> errors.ProviderUnavailable:
    """The error for a connection that could not be made, or that broke before an answer came."""
    name, shown = title(provider), origin(endpoint)
    causes = list(_causes(error))
    reason = type(causes[-1]).__name__
    is_transient = True
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        is_transient = False
        user_message = (
            f"The certificate of {shown} can't be verified; if your network uses its own, name its file in the "
            "settings, or in CKSERVICE_CA_FILE."
        )
    elif any(type(cause).__name__ == "ProxyError" for cause in causes):
        is_transient = False
        user_message = f"The proxy refuses to connect to {shown}; check the proxy in the settings."
    elif any(isinstance(cause, socket.gaierror) for cause in causes):
        user_message = f"The address of {shown} is not known; check the endpoint in the settings, and the connection."
    elif provider == "ollama" and is_loopback(endpoint):
        user_message = f"Ollama can't be reached at {shown}; start Ollama, or set its endpoint in the settings."
    else:
        user_message = (
            f"{name} can't be reached at {shown}; check the connection, and endpoint and proxy in the settings."
        )
    if is_loopback(endpoint) and any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        is_transient = False  # nobody listens; asking again in a second changes nothing
    return errors.ProviderUnavailable(
        f"{name} can't be reached: {reason}.", provider=provider, user_message=user_message, is_transient=is_transient
    )


def too_slow(provider: ProviderName) -> errors.ProviderUnavailable:
    """The error for an answer that does not come, or does not begin."""
    name = title(provider)
    return errors.ProviderUnavailable(
        f"{name} did not answer in time.",
        provider=provider,
        user_message=f"{name} takes too long to answer; try again, or choose another model.",
        is_transient=False,  # the time for the first piece is long: the host has waited enough
    )


def not_the_api(provider: ProviderName, status: int | None = None) -> errors.ProviderRejected:
    """The error for an endpoint that is something else, such as a web page."""
    name = title(provider)
    return errors.ProviderRejected(
        f"The endpoint does not answer as {name} does.",
        provider=provider,
        http_status=status,
        user_message=f"What answers at this endpoint is not {name}; correct the endpoint in the settings.",
    )


def unusable(provider: ProviderName, reason: str) -> errors.ProviderNotConfigured:
    """The error for an endpoint or header that makes no sense."""
    name = title(provider)
    also = ", or in OLLAMA_HOST" if provider == "ollama" else ""
    return errors.ProviderNotConfigured(
        f"{name} can't be asked: {reason}.",
        provider=provider,
        user_message=f"The endpoint of {name} can't be used; correct it in the settings{also}. It has to be a URL, such as "
        "https://host/path.",
    )


def no_key(provider: ProviderName, variable: str) -> errors.ProviderNotConfigured:
    """The error for a key that nobody has given; `variable` is the environment's name for it."""
    name = title(provider)
    return errors.ProviderNotConfigured(
        f"There is no key for {name}.",
        provider=provider,
        user_message=f"{name} needs a key; enter it in the settings, or set {variable}.",
    )


def no_model(provider: ProviderName) -> errors.ProviderNotConfigured:
    """The error for a request that names no model, to a provider without a default."""
    name = title(provider)
    return errors.ProviderNotConfigured(
        f"No model is named for {name}.",
        provider=provider,
        user_message=f"No model is chosen for {name}; choose one in the settings.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
