"""Secrets in a repository: files that are not shown to a model, and texts that are masked for it."""

import re
from collections.abc import Iterator

from ckservice.logs import REDACTED, redact_known, redact_text

_LIKELY = re.compile(
    r"\.env(\..*|rc)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk)|id_(rsa|dsa|ecdsa|ed25519).*"
    r"|\.(netrc|npmrc|pypirc|pgpass|htpasswd|git-credentials|dockercfg)|_netrc"
    # Source code of such a name deals with them; what it should not hold is masked like anywhere else.
    r"|(credentials?|secrets?|tokens?|passwords?)"
    r"(?!.*\.(c|cc|cpp|cs|dart|ex|exs|go|h|hpp|java|[cm]?[jt]sx?|kt|kts|lua|php|pyi?|r|rb|rs|scala|svelte|swift|vue)$)(\..*)?",
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
    # It is matched whatever follows, so that it is gone through once.
    r"""(?P<value>[^\s"',{}\[\]&*|>]{4,}+)(?:(?=(?P=quote)[ \t]*(?:$|[,}\]]|\#))(?P<ends>))?""",
    re.MULTILINE,
)
_LEAST_VALUE = 4
_MOST_NAME = 150
"""Characters of a name, and of the signs behind it."""

_NAME_CHARACTER = re.compile(r"[\w.-]")
_CODE = re.compile(
    r"[A-Za-z_$][\w$.]{0,200}\(.*\);?|(?:self|this|process\.env|os\.environ|config|settings|options|args|props|params|request)\."
    r"[\w$.]+;?|(?:str|string|String|bytes|number|boolean|undefined|null|None|true|false|True|False);?"
)
"""What source code has in the place of a value: a call, a member, a type."""

_PAIR = re.compile(
    r"""(?P<mark>\bname["']?[ \t]*:[ \t]*["']?(?P<name>[\w.-]{1,120})["']?[ \t]*(?:,|\r?\n)[ \t]*["']?value["']?[ \t]*:[ \t]*)"""
    r"""[^\s,}]{4,}"""
)
"""A variable of an environment, as containers are given them."""

_PARAMETER = re.compile(
    r"""(?P<mark>[?&;"'][ ]?(?P<name>[\w.-]{1,60})=)(?P<value>[^\s"'&;,<>{}()\[\]|=][^\s"'&;,<>{}()\[\]|]{3,})(?=[&;"'])"""
)
"""In a URL or a connection string, where further ones follow."""

_ELEMENT = re.compile(r"(?P<mark><(?P<name>[\w.:-]{1,120})>)[^\s<>{}]{4,}(?=</)")
"""Of XML."""

_TOKEN = re.compile(
    r"\bAIza[\w-]{35}|\b[rs]k_(?:live|test)_\w{16,}|\bglpat-[\w-]{20,}|\bnpm_[A-Za-z0-9]{36}|\bhf_[A-Za-z0-9]{30,}"
    r"|\bASIA[0-9A-Z]{16}\b|(?<=AccountKey=)[A-Za-z0-9+/]{40,}={0,2}"
    r"|(?<=Authorization: Basic )[A-Za-z0-9+/]{8,}={0,2}"
)
"""Of Google, Stripe, GitLab, npm, Hugging Face, AWS and Azure Storage, and passwords in headers; the logs know others."""

_ASSIGNED = re.compile("[:=>]")
_NAMES = {
    **dict.fromkeys(("passw", "passphrase", "secret", "credential", "token", "authorization", "cookie"), _ASSIGNED),
    "key": re.compile(r"(?:api|access|private|subscription|account)[_-]?key"),
}
_BEGINNINGS = {
    **dict.fromkeys(
        (
            *("sk-", "pk-", "rk-", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "akia", "asia", "xox", "eyj"),
            *("aiza", "k_live_", "k_test_", "glpat-", "npm_", "hf_", "bearer "),
        ),
        re.compile(""),
    ),
    "://": re.compile(r"://[^\s/?#\"]{1,400}@"),
}
"""Hints in lower case, as the names are, and what a line must have besides: any other has nothing that would be masked."""

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]{0,40}-----")
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=\s\\]*")
_BREAK = re.compile(r"\r\n?|\n")


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
    text = _TOKEN.sub(REDACTED, redact_text(text))
    for shape in (_PAIR, _PARAMETER, _ELEMENT):
        text = shape.sub(lambda found: _masked(found, found["mark"]), text)
    return _mask_named(text)


def mask_lines(text: str) -> str:
    """The same for a whole file, fast: most lines are only glanced at. It keeps as many lines as it has.

    What is told by its name must stand on the line of the name, or on the next one.
    """
    text = _mask_keys(redact_known(text))
    pieces: list[str] = []
    place = 0
    for start, end in _suspicious(text):
        pieces += (text[place:start], _with_breaks_of(text[start:end], mask(text[start:end])))
        place = end
    return "".join(pieces) + text[place:] if pieces else text


def _mask_keys(text: str) -> str:
    """Mask private keys; one without an end is as long as it looks like one."""
    pieces: list[str] = []
    place = 0
    ends = -1
    while (begin := _KEY_BEGINS.search(text, place)) is not None:
        if ends < begin.end():
            found = _KEY_ENDS.search(text, begin.end())
            ends = found.end() if found is not None else len(text) + 1
        end = ends
        if end > len(text):
            rest = _KEY_TEXT.match(text, begin.end())
            end = rest.end() if rest is not None else begin.end()
        pieces += (text[place : begin.start()], _with_breaks_of(text[begin.start() : end], REDACTED))
        place = end
    return "".join(pieces) + text[place:]


def _suspicious(text: str) -> Iterator[tuple[int, int]]:
    """Lines that may hold something to be masked: from where to where, from first to last, without overlaps."""
    lower = text.replace("\u0130", "i").lower()  # the one character that becomes two
    found: dict[int, int] = {}
    for hint, proof in (_BEGINNINGS | _NAMES).items():
        place = lower.find(hint)
        while place >= 0:
            start, end = lower.rfind("\n", 0, place) + 1, _line_end(lower, place)
            last = _line_end(lower, end) if hint in _NAMES else end
            if proof.search(lower, start, last):
                found[start] = max(last, found.get(start, 0))
            place = lower.find(hint, end)
    begin = end = 0
    for start, last in sorted(found.items()):
        if start >= end:
            if begin < end:
                yield begin, end
            begin = start
        end = max(end, last)
    if begin < end:
        yield begin, end


def _line_end(text: str, start: int) -> int:
    """The place behind the line break of a line."""
    return text.find("\n", start) + 1 or len(text)


def _with_breaks_of(text: str, masked: str) -> str:
    """What a text has become, with the line breaks at its end that it has lost."""
    breaks = _BREAK.findall(text)
    return masked + "".join(breaks[len(_BREAK.findall(masked)) :])


def _masked(found: re.Match[str], kept: str) -> str:
    return f"{kept}{REDACTED}" if _TELLING.search(found["name"]) else found.group()


def _mask_named(text: str) -> str:
    """Mask what is named like a secret. What looks like a value is gone through twice at most, whatever stands in it."""
    pieces: list[str] = []
    place = at = 0
    while (found := _NAMED.search(text, at)) is not None:
        start, end = found.span("value")
        if found["ends"] is None:
            # Only behind the sign of a comment, it could end before.
            end = start if found["quote"] else text.rfind("#", start, end)
        if end - start < _LEAST_VALUE:
            at = start if found["quote"] else _last_name(text, *found.span("value"))
            continue
        is_code = not found["quote"] and _CODE.fullmatch(text, start, end)
        if not is_code and _TELLING.search(found["name"]):
            pieces += (text[place:start], REDACTED)
            place = end
        at = end
    return "".join(pieces) + text[place:]


def _last_name(text: str, start: int, end: int) -> int:
    """Where a name may begin whose value is behind `end`; the other names in a text have theirs within it."""
    name = text[max(start, end - _MOST_NAME) : end].rstrip(":=")
    rest = len(name)
    while rest and _NAME_CHARACTER.match(name[rest - 1]):
        rest -= 1
    return max(start, end - _MOST_NAME) + rest
