"""Files and folders that are left out by their names alone, wherever they are."""

import re

from ckservice.context.secrets import is_likely_secret
from ckservice.retrieval.types import LeftOut

VERSION_CONTROL = frozenset({".bzr", ".git", ".hg", ".jj", ".pijul", ".sl", ".svn", "_darcs"})
"""Folders where systems of version control keep what is theirs; `.git` may be a file."""

INSTALLED = frozenset(
    {
        *("__pycache__", "bower_components", "node_modules", "venv", ".eggs", ".gradle", ".mypy_cache", ".nox"),
        *(".pytest_cache", ".ruff_cache", ".terraform", ".tox", ".venv"),
    }
)
"""Folders that tools fill with other people's files, or their own; some forget to have Git ignore them."""

PRODUCED = frozenset(
    {
        *("build", "coverage", "dist", "obj", "target"),
        *(".cache", ".next", ".nuxt", ".parcel-cache", ".svelte-kit", ".turbo"),
    }
)
"""Folders that usually hold what is made of other files, where Git isn't there to say so."""

_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_LOCK_FILES = frozenset(
    {
        *("bun.lock", "bun.lockb", "cargo.lock", "composer.lock", "deno.lock", "flake.lock", "gemfile.lock", "go.sum"),
        *("go.work.sum", "gradle.lockfile", "mix.lock", "npm-shrinkwrap.json", "package-lock.json", "package.resolved"),
        *("packages.lock.json", "pdm.lock", "pipfile.lock", "pnpm-lock.yaml", "podfile.lock", "poetry.lock"),
        *("pubspec.lock", "pylock.toml", "uv.lock", "yarn.lock", ".terraform.lock.hcl"),
    }
)

_BINARY = frozenset(
    {
        # Pictures, sound and film
        *("avif", "bmp", "cr2", "dng", "eps", "gif", "heic", "icns", "ico", "jpeg", "jpg", "nef", "png", "psd"),
        *("sketch", "tga", "tif", "tiff", "webp", "xcf", "aac", "aif", "aiff", "flac", "m4a", "mid", "mp3", "oga"),
        *("ogg", "opus", "wav", "wma", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "webm"),
        *("wmv"),
        # Archives and images of disks
        *("7z", "apk", "br", "bz2", "cab", "crx", "deb", "dmg", "ear", "gz", "img", "ipa", "iso", "jar", "lz4"),
        *("lzma", "nupkg", "rar", "rpm", "tar", "tgz", "vsix", "war", "whl", "xpi", "xz", "zip", "zst"),
        # Programs, and what compilers make
        *("a", "bin", "class", "dex", "dll", "dylib", "elf", "exe", "lib", "msi", "node", "o", "pdb", "pyc", "pyd"),
        *("pyo", "rlib", "so", "wasm"),
        # Documents and fonts
        *("doc", "docx", "epub", "mobi", "odp", "ods", "odt", "pdf", "ppt", "pptx", "rtf", "vsd", "xls", "xlsb"),
        *("xlsx", "eot", "otf", "ttc", "ttf", "woff", "woff2"),
        # Data
        *("avro", "db", "duckdb", "feather", "gguf", "h5", "hdf5", "joblib", "ldb", "mdb", "npy", "npz", "onnx"),
        *("parquet", "pickle", "pkl", "pt", "pth", "rdb", "safetensors", "sqlite", "sqlite3", "tflite"),
    }
)
"""Endings of names. What has none of them is looked into."""

_GENERATED = re.compile(r"[.-](min|bundle|chunk)\.([cm]?js|css)|\.([cm]?[jt]sx?|css)\.map")


def unwanted(path: str) -> LeftOut | None:
    """Why a file or folder is left out; `None` where its name says nothing against it.

    Args:
        path: relative to the repository; a folder has a `/` at its end. Names of those above it are not looked at, but for
            secrets.
    """
    if not path.isprintable() and _UNSHOWN.search(path):
        return "badName"
    if is_likely_secret(path):
        return "secret"
    if path.endswith("/"):
        return "ignored" if path.split("/")[-2].lower() in INSTALLED else None
    name = path[path.rfind("/") + 1 :].lower()
    if name in _LOCK_FILES:
        return "lockFile"
    if name[name.rfind(".") + 1 :] in _BINARY and "." in name:
        return "binary"
    return "generated" if _GENERATED.search(name) else None
