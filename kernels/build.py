"""Compiles generated source, once per content.

A module is named by the sha256 of its text, which includes everything it was printed from; numba
then caches its machine code beside it. Files appear whole (written aside, then renamed), so any
number of processes may build at once.
"""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numba


def folder() -> Path:
    """Where generated kernels are kept: PERPETUA_CACHE, else the user's cache directory."""
    chosen = os.environ.get("PERPETUA_CACHE")
    root = Path(chosen) if chosen else Path.home() / ".cache" / "perpetua"
    return root / f"kernels-numba-{numba.__version__}"


def module_name(stem: str, text: str) -> str:
    """Name a generated module by its content."""
    return f"perpetua_{stem}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def load(stem: str, text: str) -> ModuleType:
    """Import generated source, writing it first if it is not there."""
    name = module_name(stem, text)
    if name in sys.modules:
        return sys.modules[name]
    path = folder() / f"{name}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"generated kernel {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
