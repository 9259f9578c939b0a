"""Secrets in a repository: files that are not shown to a model, and texts that are masked for it."""

import re

from ckservice.logs import REDACTED, redact_text

_LIKELY = re.compile(
    r"\.env(\..*|rc)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk)|id_(rsa|dsa|ecdsa|ed25519).*"
    r"|\.(netrc|npmrc|pypirc|pgpass|htpasswd|git-credentials|dockercfg)|_netrc"
    r"|(credentials?|secrets?|tokens?|passwords?)(\..*)?",
    re.IGNORECASE,
)

_TELLING = r"[\w.-]{0,60}(?:api[_-]?key|access[_-]?key|private[_-]?key|passw(?:or)?d|passphrase|secret|credential|token)[\w.-]{0,60}"
_TELLING_NAME = re.compile(_TELLING, re.IGNORECASE)
_VALUE = re.compile(r"\S{4,}")
_NAMED = re.compile(
    # A value without spaces, up to the end of what it is in: prose after such a word is no secret.
    rf"""(?P<name>["']?\b{_TELLING}["']?[ \t]*[:=][ \t]*)(?P<quote>["']?)(?P<value>[^\s"',{{}}\[\]&*|>]{{4,}})(?P=quote)(?=[ \t]*(?:$|[,}}\]]|\#))""",
    re.IGNORECASE | re.MULTILINE,
)
_PAIR = re.compile(
    rf"""(?P<name>\bname["']?[ \t]*:[ \t]*["']?{_TELLING}["']?[ \t]*(?:,|\r?\n)[ \t]*["']?value["']?[ \t]*:[ \t]*)(?P<value>[^\s,}}]{{4,}})""",
    re.IGNORECASE,
)
"""A variable of an environment, as containers are given them."""


def is_likely_secret(path: str) -> bool:
    """Whether a path, with `/`, is one that usually holds keys, tokens or passwords; folders of that name count."""
    return any(_LIKELY.fullmatch(part) for part in path.split("/"))


def mask(text: str, name: str = "") -> str:
    """A text of the repository as a model may see it: without what looks like a secret, or is named like one.

    Args:
        text: of any kind.
        name: of the member whose value it is, if it is one.
    """
    if _TELLING_NAME.fullmatch(name) and _VALUE.fullmatch(text):
        return REDACTED
    text = _PAIR.sub(rf"\g<name>{REDACTED}", redact_text(text))
    return _NAMED.sub(rf"\g<name>\g<quote>{REDACTED}\g<quote>", text)
