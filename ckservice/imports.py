"""Modules that take long to import, imported beside the event loop when they are first needed."""

from importlib import import_module
from types import ModuleType

import anyio

_loaded: dict[str, ModuleType] = {}
"""`sys.modules` also holds modules that another thread is in the middle of importing."""


async def load(name: str) -> ModuleType:
    """Import a heavy module without holding up the event loop.

    Raises:
        ImportError: it is not installed.
    """
    if name not in _loaded:
        _loaded[name] = await anyio.to_thread.run_sync(import_module, name)
    return _loaded[name]
