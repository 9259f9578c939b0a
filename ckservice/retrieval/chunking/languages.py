"""What tells definitions apart in the languages that people write: strings, comments, brackets and the words of headers.

Every pattern takes time linear in the text: what may be long is matched possessively, and a string that is never closed
goes to the end of its line or of the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE_STRING = r'"(?:[^"\\\n]++|\\[\s\S])*+"?+'
_QUOTED = r"'(?:[^'\\\n]++|\\[\s\S])*+'?+"
_CHARACTER = r"'(?:\\[^\n]{1,8}?|[^'\\\n])'"
_LONG_STRING = r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+(?:""")?+'
_LONG_QUOTED = r"'''(?:[^'\\]++|\\[\s\S]|'(?!''))*+(?:''')?+"
_TEMPLATE = r"`(?:[^`\\]++|\\[\s\S])*+`?+"
_RAW_GO = r"`[^`]*+`?+"
_RAW_RUST = r'\br#++"(?:[^"]++|"(?!#))*+(?:"#)?+'
_VERBATIM = r'@"(?:[^"]++|"")*+"?+'
_DOLLARS = r"\$\$(?:[^$]++|\$(?!\$))*+(?:\$\$)?+"
_HERE_DOCUMENT = r"(?<=[\s(=])<<<?[-~]?['\"]?([A-Za-z_]\w*)['\"]?[^\n]*+\n[\s\S]*?(?:^[ \t]*+\1\b|\Z)"
_REGEX_BODY = r"/(?![*/\s])(?:[^/\\\n\[]++|\\[^\n]|\[(?:[^\]\\\n]++|\\[^\n])*+\]?+)++/?+"
_REGEX = rf"(?<=[=(,:;!&|?]){_REGEX_BODY}|(?<=[=(,:;!&|?] ){_REGEX_BODY}"
_SLASHES = r"//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+"
_HASH = r"#[^\n]*+"
_SHELL_HASH = r"(?<![^\s;])#[^\n]*+"
_DASHES = r"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+"

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|fileprivate|static|final|abstract|async|pub(?:\([a-z ]{1,20}\))?"
    r"|unsafe|extern(?: \"C\")?|override|open|sealed|data|virtual|inline|const|constexpr|declare|readonly|partial|local|suspend"
    r"|operator|mutating|indirect|typedef|companion|inner|value|annotation|lateinit|required|convenience)\s{1,8}){0,6}"
)
_KEYWORD = (
    r"(?:def|defp|defmodule|class|function\*?|func|fun|fn|interface|struct|enum(?:\s+(?:class|struct))?|trait|type|typealias"
    r"|module|mod|namespace|object|record|@interface|protocol|extension|actor|contract|package|macro|macro_rules|sub|procedure"
    r"|union|service|message|rpc)\b!?\s{0,8}(?:<[^<>]{0,80}>\s{0,8}|\([^()]{0,80}\)\s{0,8})?[\"'(`]{0,2}"
)
_GENERIC = re.compile(_MODIFIERS + _KEYWORD + r"([\w$][\w$.:-]{0,79}[?!=]?)")
_ASSIGNED = re.compile(r"(?:export\s{1,8})?(?:const|let|var|val)\s{1,8}([\w$]{1,80})[^=]{0,200}=(?!=)")
METHOD = re.compile(
    _MODIFIERS
    + r"(?:[\w$<>\[\],.?:*&]{1,60}\s{1,8}[*&]{0,2}){0,4}((?:[\w$]{1,60}::){0,4}[#~]?[\w$]{1,80})\s{0,4}(?:<[^<>()]{0,80}>)?\("
)
"""A name and the parentheses behind it; whether a body follows has to be seen."""

_FIELD = re.compile(
    _MODIFIERS
    + r"([\w$.#]{1,80})\s{0,4}[:=]\s{0,4}(?:async\s{0,4})?(?:function\b|\([^()]{0,200}\)[^=]{0,80}=>|[\w$]{1,80}\s{0,4}=>)"
)
_TEST = re.compile(r"(?:test|describe|it|suite|context)(?:\.\w{1,20}){0,2}\(\s{0,8}[\"'`]([^\"'`\n]{1,80})")
_TABLE = re.compile(r"(?:\w{1,80}[\s*]{1,8}){1,5}(\w{1,80})(?:\[[^\]]{0,80}\]){0,3}\s{0,4}=\s{0,4}\{")
_PYTHON = re.compile(r"(?:async\s{1,8}def|def|class)\s{1,8}(\w{1,120})")
_GO_METHOD = re.compile(r"func\s{1,4}\(\s{0,4}(?:\w{1,80}\s{1,4})?\*?\s{0,4}(\w{1,80})[^()]{0,80}\)\s{0,4}(\w{1,80})")
_IMPLEMENTATION = re.compile(
    r"(?:unsafe\s{1,4})?impl\b\s{0,4}(?:<[^{]{0,80}?>\s{1,4})?(?:[^{]{1,80}?\sfor\s{1,4})?&?([\w:]{1,80})"
)
_SHELL = re.compile(r"(?:function\s{1,8})?([\w:.-]{1,80})\s{0,4}\(\s{0,4}\)|function\s{1,8}([\w:.-]{1,80})")
_SQL = re.compile(
    r"create\s{1,8}(?:or\s{1,8}replace\s{1,8})?(?:temp(?:orary)?\s{1,8}|unique\s{1,8}|materialized\s{1,8}|virtual\s{1,8})?"
    r"(?:table|view|index|function|procedure|trigger|type|schema|sequence)\s{1,8}(?:if\s{1,8}not\s{1,8}exists\s{1,8})?"
    r"[\"`\[]?([\w.$]{1,80})",
    re.IGNORECASE,
)
_RUBY = re.compile(r"(?:private\s{1,4})?(?:def|class|module)\s{1,8}(?:self\.)?([\w:]{1,80}[?!=]?)")
_MARKUP = re.compile(r"<(script|template|style)\b")


@dataclass(frozen=True, slots=True)
class Language:
    """How the files of a language are taken apart.

    Attributes:
        skipped: strings and comments; `None` where only indentation counts.
        has_braces: whether braces hold what belongs together, and indentation does not matter.
        definitions: what headers begin with, the first that fits counts; the groups are the parts of the name.
    """

    skipped: re.Pattern[str] | None
    has_braces: bool
    definitions: Sequence[re.Pattern[str]]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.MULTILINE)


def _braces(*skipped: str, first: tuple[re.Pattern[str], ...] = ()) -> Language:
    return Language(_any(_SLASHES, *skipped), True, (*first, METHOD, _GENERIC, _ASSIGNED))


_SCRIPT = _braces(_REGEX, _LINE_STRING, _QUOTED, _TEMPLATE, first=(_FIELD, _TEST))
_C = _braces(_LINE_STRING, _CHARACTER, first=(_TABLE,))
_JVM = _braces(_LONG_STRING, _LINE_STRING, _CHARACTER)
_SHELL_SCRIPT = Language(_any(_SHELL_HASH, _HERE_DOCUMENT), False, (_SHELL,))
_RUBY_SCRIPT = Language(_any(_SHELL_HASH, _HERE_DOCUMENT), False, (_RUBY,))
OTHER = Language(None, False, (_MARKUP, _TEST, _GENERIC, _ASSIGNED))
"""Of which nothing is known but that people indent what they write."""

_LANGUAGES = {
    "py pyi pyw": Language(_any(_HASH, _LONG_STRING, _LONG_QUOTED, _LINE_STRING, _QUOTED), False, (_PYTHON,)),
    "js jsx mjs cjs ts tsx mts cts": _SCRIPT,
    "go": _braces(_RAW_GO, _LINE_STRING, _CHARACTER, first=(_GO_METHOD,)),
    "rs": _braces(_RAW_RUST, _LINE_STRING.replace(r"\n", ""), _CHARACTER, first=(_IMPLEMENTATION,)),
    "java kt kts swift scala groovy gradle dart": _JVM,
    "cs": _braces(_LONG_STRING, _VERBATIM, _LINE_STRING, _CHARACTER),
    "c h cc cpp cxx hpp hh hxx m mm proto": _C,
    "php": _braces(_HASH.replace("#", r"#(?!\[)"), _HERE_DOCUMENT, _LINE_STRING, _QUOTED),
    "rb rake": _RUBY_SCRIPT,
    "sh bash zsh": _SHELL_SCRIPT,
    "sql": Language(_any(_DASHES, _DOLLARS, _QUOTED), False, (_SQL,)),
}
_BY_ENDING = {ending: language for endings, language in _LANGUAGES.items() for ending in endings.split()}


def language_of(ending: str) -> Language:
    """The language of files with an ending, which is in lower case and has its dot."""
    return _BY_ENDING.get(ending[1:], OTHER)
