"""The error table of the contract, and which of our errors is which row.

The kernel's rows (`jsonrpc.errors`) come first; the others are grouped by resource.
"""

from typing import Any

from pydantic import Field

from ckservice import errors
from ckservice.jsonrpc.errors import INVALID_PARAMS, KERNEL_KINDS, ErrorKind, RpcError
from ckservice.model import Maybe, Model

ALREADY_INITIALIZED = ErrorKind(
    "alreadyInitialized",
    -32600,
    False,
    "`initialize` came a second time.",
    "The app started ckservice twice; please restart the app.",
)
UNSUPPORTED_VERSION = ErrorKind(
    "unsupportedVersion",
    -32004,
    False,
    "The host speaks another protocol version.",
    "The app and ckservice do not fit together; please update the app.",
)
PROVIDER_UNAVAILABLE = ErrorKind(
    "providerUnavailable",
    -32010,
    True,
    "The provider can't be reached or keeps failing.",
    "The AI provider can't be reached; check the connection and the endpoint, then try again.",
)
AUTHENTICATION_FAILED = ErrorKind(
    "authenticationFailed",
    -32011,
    False,
    "The provider refused the key.",
    "The AI provider refused the key; check it in the settings.",
)
RATE_LIMITED = ErrorKind(
    "rateLimited",
    -32012,
    True,
    "The provider asks to slow down.",
    "The AI provider asks to slow down; wait a moment and try again.",
)
QUOTA_EXCEEDED = ErrorKind(
    "quotaExceeded",
    -32013,
    False,
    "The account's quota or the budget is used up.",
    "The quota or the budget is used up; raise it or choose another provider.",
)
CONTEXT_WINDOW_EXCEEDED = ErrorKind(
    "contextWindowExceeded",
    -32014,
    False,
    "The prompt is longer than the model takes.",
    "That is more text than the model can take; shorten it or choose a larger model.",
)
CONTENT_FILTERED = ErrorKind(
    "contentFiltered",
    -32015,
    False,
    "The provider's filter, or the model, refused.",
    "The AI provider refused to answer this; please say it differently.",
)
MODEL_NOT_FOUND = ErrorKind(
    "modelNotFound",
    -32016,
    False,
    "The provider has no such model.",
    "The AI provider has no such model; choose another in the settings.",
)
STREAM_INTERRUPTED = ErrorKind(
    "streamInterrupted", -32017, True, "The answer stopped before its end.", "The answer was cut off; please try again."
)
PROVIDER_REJECTED = ErrorKind(
    "providerRejected",
    -32018,
    False,
    "The provider refused the request.",
    "The AI provider refused the request; check the settings.",
)
PROVIDER_NOT_CONFIGURED = ErrorKind(
    "providerNotConfigured",
    -32019,
    False,
    "There is no adapter, endpoint or key.",
    "The AI provider is not set up; choose one in the settings.",
)
REPOSITORY_NOT_FOUND = ErrorKind(
    "repositoryNotFound",
    -32020,
    False,
    "There is no repository at repoPath.",
    "The repository was not found; choose its folder again.",
)
ENTITY_NOT_FOUND = ErrorKind(
    "entityNotFound",
    -32021,
    False,
    "The repository holds no such entity.",
    "This item is not in the repository; it may have been renamed or deleted.",
)
PATH_FORBIDDEN = ErrorKind(
    "pathForbidden",
    -32022,
    False,
    "The path leads out of the repository, or is off limits.",
    "This file is outside the repository or protected; choose another.",
)
CONFLICT = ErrorKind(
    "conflict",
    -32023,
    False,
    "The file changed since it was read, or the id exists.",
    "The file has changed in the meantime; load it again and repeat the change.",
)
INVALID_OUTPUT = ErrorKind(
    "invalidOutput",
    -32024,
    True,
    "The model never produced output that fits the schema.",
    "The model's answer did not have the required form; please try again.",
)
INVALID_ENTITY = ErrorKind(
    "invalidEntity",
    -32025,
    False,
    "The entity does not fit its schema or links.",
    "This item is not valid; correct what is marked.",
)
TOOL_NOT_FOUND = ErrorKind(
    "toolNotFound",
    -32030,
    False,
    "There is no such tool, or it is disabled.",
    "This tool does not exist or is switched off; check the settings.",
)
TOOL_FAILED = ErrorKind(
    "toolFailed", -32031, False, "The tool could not do its work.", "A tool could not do its work; please try again."
)
APPROVAL_REQUIRED = ErrorKind(
    "approvalRequired",
    -32032,
    False,
    "The host can't approve, so nothing was written.",
    "This change needs an approval, which the app can't give; nothing was changed.",
)
APPROVAL_DENIED = ErrorKind(
    "approvalDenied", -32032, False, "The write was not approved.", "The change was not approved; nothing was changed."
)
THREAD_NOT_FOUND = ErrorKind(
    "threadNotFound", -32040, False, "There is no such thread.", "This conversation does not exist any more."
)
STORAGE_FAILED = ErrorKind(
    "storageFailed",
    -32050,
    True,
    "The data directory could not be read or written.",
    "The data could not be stored; check the free space and try again.",
)
INDEX_NOT_READY = ErrorKind(
    "indexNotReady",
    -32051,
    True,
    "The index is still being built.",
    "The search index is still being built; try again in a moment.",
)

KINDS: tuple[ErrorKind, ...] = (
    *KERNEL_KINDS,
    ALREADY_INITIALIZED,
    UNSUPPORTED_VERSION,
    PROVIDER_UNAVAILABLE,
    AUTHENTICATION_FAILED,
    RATE_LIMITED,
    QUOTA_EXCEEDED,
    CONTEXT_WINDOW_EXCEEDED,
    CONTENT_FILTERED,
    MODEL_NOT_FOUND,
    STREAM_INTERRUPTED,
    PROVIDER_REJECTED,
    PROVIDER_NOT_CONFIGURED,
    REPOSITORY_NOT_FOUND,
    ENTITY_NOT_FOUND,
    PATH_FORBIDDEN,
    CONFLICT,
    INVALID_OUTPUT,
    INVALID_ENTITY,
    TOOL_NOT_FOUND,
    TOOL_FAILED,
    APPROVAL_REQUIRED,
    APPROVAL_DENIED,
    THREAD_NOT_FOUND,
    STORAGE_FAILED,
    INDEX_NOT_READY,
)

PROVIDER_KINDS = (
    PROVIDER_UNAVAILABLE,
    AUTHENTICATION_FAILED,
    RATE_LIMITED,
    QUOTA_EXCEEDED,
    CONTEXT_WINDOW_EXCEEDED,
    CONTENT_FILTERED,
    MODEL_NOT_FOUND,
    STREAM_INTERRUPTED,
    PROVIDER_REJECTED,
    PROVIDER_NOT_CONFIGURED,
)
"""What any method that asks a model can answer."""

_BY_CLASS: dict[type[errors.CkserviceError], ErrorKind] = {
    errors.AlreadyInitialized: ALREADY_INITIALIZED,
    errors.UnsupportedVersion: UNSUPPORTED_VERSION,
    errors.InvalidArguments: INVALID_PARAMS,
    errors.ProviderUnavailable: PROVIDER_UNAVAILABLE,
    errors.AuthenticationFailed: AUTHENTICATION_FAILED,
    errors.RateLimited: RATE_LIMITED,
    errors.QuotaExceeded: QUOTA_EXCEEDED,
    errors.ContextWindowExceeded: CONTEXT_WINDOW_EXCEEDED,
    errors.ContentFiltered: CONTENT_FILTERED,
    errors.ModelNotFound: MODEL_NOT_FOUND,
    errors.StreamInterrupted: STREAM_INTERRUPTED,
    errors.ProviderRejected: PROVIDER_REJECTED,
    errors.FormatRefused: PROVIDER_REJECTED,
    errors.ProviderNotConfigured: PROVIDER_NOT_CONFIGURED,
    errors.EmbeddingsNotConfigured: PROVIDER_NOT_CONFIGURED,
    errors.BudgetExceeded: QUOTA_EXCEEDED,
    errors.StorageFailed: STORAGE_FAILED,
    errors.StorageBusy: STORAGE_FAILED,
    errors.IndexNotReady: INDEX_NOT_READY,
    errors.RepositoryNotFound: REPOSITORY_NOT_FOUND,
    errors.EntityNotFound: ENTITY_NOT_FOUND,
    errors.PathForbidden: PATH_FORBIDDEN,
    errors.Conflict: CONFLICT,
    errors.InvalidEntity: INVALID_ENTITY,
    errors.GitFailed: TOOL_FAILED,
    errors.InvalidOutput: INVALID_OUTPUT,
}


class ErrorDetail(Model):
    """One thing that is wrong."""

    path: str = Field(description="Where, as `messages[0].role`.")
    message: str


class ErrorData(Model):
    """`error.data` of every error response."""

    kind: str = Field(description="The stable name to switch on; one of `ErrorKind`.")
    retryable: bool = Field(description="Whether the same request may succeed later.")
    user_message: str = Field(description="One sentence for an end user: what happened and what to do.")
    error_id: str = Field(description="The log knows more under this id.")
    retry_after_ms: Maybe[int] = None
    provider: Maybe[str] = None
    http_status: Maybe[int] = None
    upstream_request_id: Maybe[str] = Field(None, description="The provider's own id of the request.")
    errors: Maybe[list[ErrorDetail]] = Field(
        None, description="Of `invalidParams`, `invalidEntity` and `invalidOutput`: each thing that is wrong."
    )
    partial: Maybe[str] = Field(None, description="The text that had been produced before the request ended early.")
    candidate: Maybe[Any] = Field(None, description="Of `invalidOutput`: the model's last output.")
    supported: Maybe[list[int]] = Field(
        None, description="Of `unsupportedVersion`: the protocol versions that this process speaks."
    )
    suggested_action: Maybe[str] = None


def translate(error: BaseException) -> RpcError | None:
    """Find the row for one of our errors; `None` for anything else, which is a bug."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return translate(error.exceptions[0])
    if not isinstance(error, errors.CkserviceError) or type(error) not in _BY_CLASS:
        return None
    return RpcError(kind_of(error), error.message, user_message=error.user_message, data=_data(error))


def kind_of(error: errors.CkserviceError) -> ErrorKind:
    """The row of the table for one of our errors that can reach the host."""
    return _BY_CLASS[type(error)]


def _data(error: errors.CkserviceError) -> dict[str, Any]:
    match error:
        case errors.ProviderError():
            members = {
                "provider": error.provider,
                "httpStatus": error.http_status,
                "upstreamRequestId": error.upstream_request_id,
                "retryAfterMs": None if error.retry_after is None else round(error.retry_after * 1000),
            }
            return {name: value for name, value in members.items() if value is not None}
        case errors.IndexNotReady():
            return {"retryAfterMs": round(error.retry_after * 1000)}
        case errors.InvalidOutput():
            return {"errors": error.errors, "candidate": error.candidate}
        case errors.InvalidArguments() | errors.InvalidEntity():
            return {"errors": error.errors}
        case errors.UnsupportedVersion():
            return {"supported": error.supported}
        case _:
            return {}
