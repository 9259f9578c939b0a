"""What a user can cause or cure. Anything else that is raised is a bug, and answered `internal`.

CkserviceError
├── ConfigurationError          a setting, flag or variable makes no sense        exit code 10
├── DataDirectoryError          the data directory can't be used                  exit code 11
├── AlreadyInitialized
├── UnsupportedVersion          the host speaks another protocol version
├── InvalidArguments            the right types, and still no sense
├── ProviderError               what a language model's provider answered, or didn't
│   ├── ProviderNotConfigured   no adapter, no endpoint or no key
│   │   └── EmbeddingsNotConfigured
│   ├── ProviderUnavailable     refused, DNS, TLS, 5xx after retries
│   ├── AuthenticationFailed
│   ├── RateLimited
│   ├── QuotaExceeded
│   ├── ContextWindowExceeded
│   ├── ContentFiltered
│   ├── ModelNotFound
│   ├── ProviderRejected        any other 4xx
│   │   └── FormatRefused       the provider can't take this schema, or any
│   └── StreamInterrupted       the answer was cut in the middle
├── BudgetExceeded              the request might pass the budget in the settings
├── StorageFailed               what is kept could not be read or written
│   └── StorageBusy             another process is writing
├── IndexNotReady               a repository is indexed for the first time
├── RepositoryNotFound          there is no directory to read entities from
├── EntityNotFound              the repository holds no such entity
├── PathForbidden               a path leads out of the repository, or is off limits
├── Conflict                    a file changed since it was read, or an id exists already
├── InvalidEntity               an entity does not fit its schema, or links to what is not there
├── GitFailed                   git is missing, refuses the repository, or takes too long
└── InvalidOutput               the model never produced output that fits the schema
"""

from collections.abc import Sequence
from typing import Any


class CkserviceError(Exception):
    """The root of the tree.

    Args:
        message: one sentence for a developer, without secrets, input text or foreign paths.
        user_message: what happened and what to do, for an end user, where there is more to say than the kind
            of error says by itself.
    """

    def __init__(self, message: str, *, user_message: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.user_message = user_message


class ConfigurationError(CkserviceError):
    """A setting, flag or environment variable makes no sense."""


class DataDirectoryError(CkserviceError):
    """The data directory can't be created or written."""


class AlreadyInitialized(CkserviceError):
    """`initialize` came a second time."""


class UnsupportedVersion(CkserviceError):
    """The host speaks a protocol version that this process doesn't."""

    def __init__(self, message: str, *, supported: Sequence[int]) -> None:
        super().__init__(message)
        self.supported = list(supported)


class InvalidArguments(CkserviceError):
    """Arguments that have the right types and still make no sense; `errors` holds `{path, message}` for each."""

    def __init__(self, errors: Sequence[dict[str, str]], *, user_message: str | None = None) -> None:
        message = "Invalid: " + "; ".join(f"{error['path']}: {error['message']}" for error in errors[:3])
        super().__init__(message, user_message=user_message)
        self.errors = list(errors)


class ProviderError(CkserviceError):
    """A language model's provider failed. The provider is named; what it was asked is not repeated.

    Args:
        message: one sentence for a developer.
        provider: its name on the wire, such as `openai`.
        retry_after: seconds the provider asked to wait.
        http_status: of the provider's answer.
        upstream_request_id: the provider's own id of the request, for its support.
        is_transient: whether the same request may well succeed in a moment. By default that depends on the class.
    """

    is_transient = False

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        user_message: str | None = None,
        retry_after: float | None = None,
        http_status: int | None = None,
        upstream_request_id: str | None = None,
        is_transient: bool | None = None,
    ) -> None:
        super().__init__(message, user_message=user_message)
        self.provider = provider
        self.retry_after = retry_after
        self.http_status = http_status
        self.upstream_request_id = upstream_request_id
        if is_transient is not None:
            self.is_transient = is_transient


class ProviderNotConfigured(ProviderError):
    """There is no adapter, endpoint or key for the provider that was asked for."""


class EmbeddingsNotConfigured(ProviderNotConfigured):
    """Vectors are wanted, and no provider of embeddings is set."""

    def __init__(self) -> None:
        super().__init__(
            "No provider of embeddings is configured.",
            provider="offline",
            user_message="No provider of embeddings is chosen; choose one in the settings.",
        )


class ProviderUnavailable(ProviderError):
    """The provider could not be reached, or kept failing."""

    is_transient = True


class AuthenticationFailed(ProviderError):
    """The provider refused the key."""


class RateLimited(ProviderError):
    """The provider asks to slow down."""

    is_transient = True


class QuotaExceeded(ProviderError):
    """The account's quota is used up."""


class ContextWindowExceeded(ProviderError):
    """The prompt is longer than the model takes."""


class ContentFiltered(ProviderError):
    """The provider's filter, or the model itself, refused."""


class ModelNotFound(ProviderError):
    """The provider has no such model."""


class ProviderRejected(ProviderError):
    """The provider refused the request for another reason."""


class FormatRefused(ProviderRejected):
    """The provider can't enforce this schema, or any; an adapter raises it, and no host sees it."""


class StreamInterrupted(ProviderError):
    """The answer stopped before its end; what had come was passed on."""

    is_transient = True


class BudgetExceeded(CkserviceError):
    """A request might pass the budget in the settings.

    It is no `ProviderError`: nobody was asked, and asking another provider instead would get around the budget.
    """


class StorageFailed(CkserviceError):
    """What is kept, in the data directory or on a Redis server, could not be read or written."""


class StorageBusy(StorageFailed):
    """Another process writes, and has not finished in time."""


class IndexNotReady(CkserviceError):
    """A repository is being indexed for the first time, which takes a while.

    Attributes:
        retry_after: seconds after which it is worth asking again.
    """

    def __init__(self, message: str, *, retry_after: float, user_message: str | None = None) -> None:
        super().__init__(message, user_message=user_message)
        self.retry_after = retry_after


class RepositoryNotFound(CkserviceError):
    """No repository was named, or there is no directory where it should be."""


class EntityNotFound(CkserviceError):
    """The repository holds no entity with this id."""


class PathForbidden(CkserviceError):
    """A path leads out of the repository once its links are followed, into `.git`, or to no entity's place."""


class Conflict(CkserviceError):
    """A file is not what it was when it was read, or the id of a new entity exists already."""


class InvalidEntity(CkserviceError):
    """An entity can't be saved as it is; `errors` holds `{path, message}` for each thing that is wrong."""

    def __init__(self, message: str, *, errors: Sequence[dict[str, str]], user_message: str | None = None) -> None:
        super().__init__(message, user_message=user_message)
        self.errors = list(errors)


class GitFailed(CkserviceError):
    """Git is not installed, this is no repository of its, it refuses to read it, or it took too long."""


class InvalidOutput(CkserviceError):
    """The model's output does not fit the schema that was asked for.

    Attributes:
        errors: `{path, message}` for each thing that is wrong.
        candidate: the last output.
    """

    def __init__(
        self, message: str, *, errors: Sequence[dict[str, str]], candidate: Any, user_message: str | None = None
    ) -> None:
        super().__init__(message, user_message=user_message)
        self.errors = list(errors)
        self.candidate = candidate
