"""Secrets in a repository: files that are not shown to a model, and texts that are masked for it."""

import re

from ckservice.logs import REDACTED, redact_text

_LIKELY = re.compile(
    r"\.env(\..*|rc)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk)|id_(rsa|dsa|ecdsa|ed25519).*"
    r"|\.(netrc|npmrc|pypirc|pgpass|htpasswd|git-credentials|dockercfg)|_netrc"
    r"|(credentials?|secrets?|tokens?|passwords?)(\..*)?",
    re.IGNORECASE,
)

_TELLING = re.compile(
    r"api[_-]?key|access[_-]?key|private[_-]?key|passw(or)?d|passphrase|secret|credential|token", re.IGNORECASE
)
_VALUE = re.compile(r"\S{4,}")

# A name begins where no other character of one stands before it: a text without spaces is gone through once.
_NAMED = re.compile(
    # A value without spaces, up to the end of what it is in: prose after such a word is no secret.
    r"""(?<![\w.-])(?P<name>[\w.-]{1,120})(?P<mark>["']?[ \t]*[:=][ \t]*(?P<quote>["']?))"""
    r"""[^\s"',{}\[\]&*|>]{4,}(?=(?P=quote)[ \t]*(?:$|[,}\]]|\#))""",
    re.MULTILINE,
)
_PAIR = re.compile(
    r"""(?P<mark>\bname["']?[ \t]*:[ \t]*["']?(?P<name>[\w.-]{1,120})["']?[ \t]*(?:,|\r?\n)[ \t]*["']?value["']?[ \t]*:[ \t]*)"""
    r"""[^\s,}]{4,}"""
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
    if _TELLING.search(name) and _VALUE.fullmatch(text):
        return REDACTED
    text = _PAIR.sub(lambda found: _masked(found, found["mark"]), redact_text(text))
    return _NAMED.sub(lambda found: _masked(found, found["name"] + found["mark"]), text)


def _masked(found: re.Match[str], kept: str) -> str:
    return f"{kept}{REDACTED}" if _TELLING.search(found["name"]) else found.group()
