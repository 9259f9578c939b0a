"""What the environment sets. Pure functions of a mapping; `__main__` alone reads the process's own.

The names of earlier sidecars (`LLM_*`, `LOG_*`) keep working beside `CKSERVICE_*`, which go first.
"""

import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ckservice.errors import ConfigurationError

_SETTINGS: tuple[tuple[str, str, tuple[str, ...], Callable[[str], Any]], ...] = (
    ("config", "provider", ("CKSERVICE_PROVIDER", "LLM_PROVIDER"), str),
    ("config", "model", ("CKSERVICE_MODEL", "LLM_DEFAULT_MODEL"), str),
    ("config", "endpoint", ("CKSERVICE_ENDPOINT",), str),
    ("config", "apiVersion", ("CKSERVICE_API_VERSION",), str),
    ("config", "temperature", ("CKSERVICE_TEMPERATURE", "LLM_TEMPERATURE"), float),
    ("config", "maxTokens", ("CKSERVICE_MAX_TOKENS", "LLM_MAX_TOKENS"), int),
    ("embedding", "provider", ("CKSERVICE_EMBEDDING_PROVIDER",), str),
    ("embedding", "model", ("CKSERVICE_EMBEDDING_MODEL",), str),
    ("embedding", "endpoint", ("CKSERVICE_EMBEDDING_ENDPOINT",), str),
    ("", "repoPath", ("CKSERVICE_REPO_PATH",), os.path.abspath),
    ("cache", "url", ("CKSERVICE_CACHE_URL",), str),
    ("network", "caFile", ("CKSERVICE_CA_FILE",), os.path.abspath),
)
_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "azure-openai": "AZURE_OPENAI_API_KEY"}
_WITHHELD = ("CKSERVICE_", "OPENAI_", "ANTHROPIC_", "AZURE_OPENAI_")
_OLLAMA_PORT = "11434"
_LOG_LEVELS = ("debug", "info", "warning", "error")
_LOG_FORMATS = ("json", "console")


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the environment makes, as a merge patch.

    Raises:
        ConfigurationError: a variable holds something that can't be read.
    """
    patch: dict[str, Any] = {}
    for section, member, names, read in _SETTINGS:
        name, text = _first(environ, names)
        if text:
            try:
                (patch.setdefault(section, {}) if section else patch)[member] = read(text)
            except ValueError:
                raise ConfigurationError(f"{name} must be a number.") from None
    name, level = _first(environ, ("CKSERVICE_LOG_LEVEL", "LOG_LEVEL"))
    if level:
        patch["logLevel"] = _choose(name, level, _LOG_LEVELS)
    return patch


def log_format(environ: Mapping[str, str]) -> str:
    """`json` or `console`.

    Raises:
        ConfigurationError: it is neither.
    """
    name, text = _first(environ, ("CKSERVICE_LOG_FORMAT", "LOG_FORMAT"))
    return _choose(name, text, _LOG_FORMATS) if text else "json"


def data_directory(environ: Mapping[str, str]) -> str:
    """Where to keep data: `CKSERVICE_DATA_DIR`, else a folder in the platform's place for programs' data.

    That is `%LOCALAPPDATA%` on Windows, `~/Library/Application Support` on macOS, and elsewhere what the
    XDG base directory specification says.
    """
    if given := environ.get("CKSERVICE_DATA_DIR"):
        return os.path.abspath(given)
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Application Support")
    else:
        given = environ.get("XDG_DATA_HOME", "")
        base = given if os.path.isabs(given) else os.path.join(home, ".local", "share")
    return os.path.join(base, "ckservice")


def endpoints(environ: Mapping[str, str]) -> dict[str, str]:
    """Endpoints of providers that have a variable of their own.

    `OLLAMA_HOST` is read as Ollama reads it: scheme and port may be missing, and the address that a server
    listens on may be one that nobody can connect to.
    """
    azure = environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    ollama = environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    named = {"azure-openai": azure, "ollama": _ollama_endpoint(ollama) if ollama else ""}
    return {provider: endpoint for provider, endpoint in named.items() if endpoint}


def keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Keys by provider."""
    return {provider: key for provider, name in _KEYS.items() if (key := environ.get(name, "").strip())}


def withhold(environ: MutableMapping[str, str]) -> None:
    """Take out what was read, or must not be: no child process inherits a secret, and no library finds one.

    The providers' libraries look for variables of their own. Tokens and headers would go out beside our key;
    a base URL or a log level would decide where it goes, and what is told of it.
    """
    for name in [name for name in environ if name.startswith(_WITHHELD)]:
        del environ[name]


def _ollama_endpoint(host: str) -> str:
    scheme, separator, address = host.rpartition("://")
    name, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        name, port = address, "" if separator else _OLLAMA_PORT
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1"}.get(name, name)  # noqa: S104 - it is replaced
    return f"{scheme or 'http'}://{name}" + (f":{port}" if port else "")


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    return next(((name, environ[name].strip()) for name in names if environ.get(name, "").strip()), ("", ""))


def _choose(name: str, text: str, choices: tuple[str, ...]) -> str:
    value = {"warn": "warning"}.get(text.lower(), text.lower())
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of: {', '.join(choices)}.")
    return value
