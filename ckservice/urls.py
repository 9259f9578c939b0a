"""What may be shown of a URL, and where it leads. Without `urllib`, which start-up does without."""

import re

_LOOPBACK = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?(?:/|$)", re.IGNORECASE
)
_HTTP = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_USER = re.compile(r"^((?:[a-z][a-z0-9+.-]*://)?)([^/?#]*)@", re.IGNORECASE)


def is_http(url: str) -> bool:
    """Whether a URL begins as one of HTTP does: with the scheme, and something that may be a host."""
    return _HTTP.match(url) is not None


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this very machine."""
    return _LOOPBACK.match(url) is not None


def password(url: str | None) -> str:
    """The secret in a URL: the password or, alone before the @, a token. Empty where there is none."""
    found = _USER.match(url or "")
    return found[2].rpartition(":")[2] if found else ""


def without_password(url: str | None) -> str | None:
    """A URL without what stands before an @."""
    return url and _USER.sub(r"\1", url)


def origin(url: str) -> str:
    """Scheme, host and port: as much of an endpoint as an error may tell."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
