"""Compiles generated source, once per content.

A module is named by the sha256 of its text, which includes everything it was printed from; numba
then caches its machine code beside it. Files appear whole (written aside, then renamed), so any
number of processes may build at once.
"""

import atexit
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

BUILDING = RLock()  # a module must not be seen before it is whole


class CacheUnusable(OSError):
    """The directory that PERPETUA_CACHE names cannot be written to."""


def folder() -> Path:
    """Where generated kernels are kept: PERPETUA_CACHE, else the user's cache directory.

    Raises `CacheUnusable` where PERPETUA_CACHE names no directory that can be written to; where the
    user's own cannot, kernels are compiled anew by every process.
    """
    chosen = os.environ.get("PERPETUA_CACHE")
    name = f"kernels-numba-{numba.__version__}"
    if chosen:
        path = Path(chosen) / name
        if not usable(path):
            raise CacheUnusable(f"PERPETUA_CACHE was {chosen!r}, must be a writable directory")
        return path
    path = Path.home() / ".cache" / "perpetua" / name
    return path if usable(path) else scratch()


def usable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError:
        return False
    return True


@cache
def scratch() -> Path:
    path = tempfile.mkdtemp(prefix="perpetua-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


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
            sys.modules[name] = executed(name, written(folder() / f"{name}.py", text))
        return sys.modules[name]


def written(path: Path, text: str) -> Path:
    content = text.encode()
    if not path.exists() or path.read_bytes() != content:
        aside = path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_bytes(content)
        aside.replace(path)
    return path


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
    """Machine code kept by numba, made anew where its file was cut short."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # whatever unpickling broken bytes may raise
            self.flush()  # type: ignore[no-untyped-call]
            return None
