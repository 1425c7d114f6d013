"""Compiles generated source, once per content.

A module is named by the sha256 of its text, which includes everything it was printed from; numba
then keeps its machine code beside it, in one entry of the cache. Any number of processes may build
at once, and the cache may be cleared under them: what vanished is made anew.
"""

import hashlib
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

from kernels.cache import CacheUnusable, folder, kept

__all__ = ["CacheUnusable", "folder", "load", "module_name"]

BUILDING = RLock()  # a module must not be seen before it is whole
ATTEMPTS = 8  # at importing what others may be clearing away


def module_name(stem: str, text: str) -> str:
    """Name a generated module by its content."""
    return f"perpetua_{stem}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def load(stem: str, text: str) -> ModuleType:
    """Import generated source, writing it first unless it is there and whole.

    Raises `CacheUnusable`.
    """
    name = module_name(stem, text)
    with BUILDING:
        if name not in sys.modules:
            sys.modules[name] = imported(name, text.encode())
        return sys.modules[name]


def imported(name: str, content: bytes) -> ModuleType:
    for _ in range(ATTEMPTS - 1):
        path = kept(f"{name}/{name}.py", content)
        with suppress(OSError, ImportError, RuntimeError):  # numba's own word for a vanished file
            return executed(name, path)
    return executed(name, kept(f"{name}/{name}.py", content))


def executed(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"generated kernel {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for made in vars(module).values():
        if isinstance(made, Dispatcher) and made.py_func.__module__ == name:
            made._cache = MendingCache(made.py_func)  # type: ignore[attr-defined,no-untyped-call]
    return module


class MendingCache(FunctionCache):
    """Machine code kept by numba, made anew where its file was cut short or is gone."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # whatever unpickling broken bytes may raise
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # cleared away, or the disk is full: this process has it anyway
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
