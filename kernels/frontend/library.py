"""The kernel's own functions, read as source: what strategies call is inlined from here."""

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

from kernels import dtypes
from kernels.frontend.scope import mutable_names

FOLDER = Path(__file__).parent.parent / "library"
CONSTANTS: dict[str, float] = {
    name: float(value)
    for name, value in vars(dtypes).items()
    if name.isupper() and isinstance(value, int | float)
}


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    module: str
    arguments: tuple[str, ...]
    annotations: tuple[str, ...]
    body: list[ast.stmt]
    stateful: bool
    documentation: str
    mutable: frozenset[str]  # names that its body assigns more than once, or in a branch or loop


@functools.cache
def functions() -> dict[str, Function]:
    """Every library function by name."""
    found: dict[str, Function] = {}
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                if node.name in found:
                    raise ValueError(f"library function {node.name!r} is defined twice")
                found[node.name] = read(node, path.stem)
    return found


def read(node: ast.FunctionDef, module: str) -> Function:
    documentation = ast.get_docstring(node) or ""
    body = node.body[1:] if documentation else node.body
    return Function(
        name=node.name,
        module=module,
        arguments=tuple(a.arg for a in node.args.args),
        annotations=tuple(
            ast.unparse(a.annotation) if a.annotation else "" for a in node.args.args
        ),
        body=body,
        stateful=any(
            isinstance(n, ast.Call)
            and isinstance(n.func, ast.Name)
            and n.func.id in ("state", "ring")
            for n in ast.walk(node)
        ),
        documentation=documentation,
        mutable=mutable_names(body),
    )


@functools.cache
def indicators() -> frozenset[str]:
    """Names that strategies may call: library functions of series, not the account's own."""
    from kernels import language

    return frozenset(name for name in language.__all__ if name in functions())
