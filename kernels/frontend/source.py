"""Reads source text into a syntax tree, within bounds that no file can exceed.

A strategy file may come from a language model or a stranger: it is parsed, never executed, and the
time and memory that parsing takes are bounded before the parser sees it.
"""

import ast
from typing import NoReturn

from kernels.errors import StrategyError

MAX_BYTES = 65_536
MAX_NODES = 20_000
MAX_NESTING = 50  # brackets open at once, and levels of indentation


def fail(node: ast.AST, found: str, allowed: str) -> NoReturn:
    """Refuse what stands at `node`."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
    raise StrategyError(line, column, found, allowed)


def parse(text: str) -> ast.Module:
    """Parse a strategy file's text; raises StrategyError with line and column."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise StrategyError(1, 1, f"a file of {len(text):,} characters", f"at most {MAX_BYTES:,} bytes")
    refuse_deep_nesting(text)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        raise StrategyError(line, column, f"a syntax error ({error.msg})", "Python syntax") from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise StrategyError(1, 1, f"text that cannot be parsed ({error})", "Python syntax") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise StrategyError(1, 1, "too large a program", f"at most {MAX_NODES:,} syntax nodes")
    return tree


def refuse_deep_nesting(text: str) -> None:
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) - len(line.lstrip()) > 4 * MAX_NESTING:
            raise StrategyError(number, 1, "deep indentation", f"at most {MAX_NESTING} levels")
        for column, char in enumerate(line, 1):
            depth += (char in "([{") - (char in ")]}")
            if depth > MAX_NESTING:
                raise StrategyError(
                    number, column, "deeply nested brackets", f"at most {MAX_NESTING} open at once"
                )
            depth = max(depth, 0)
