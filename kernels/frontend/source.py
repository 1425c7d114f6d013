"""Reads source text into a syntax tree, within bounds that no file can exceed.

A strategy file may come from a language model or a stranger: it is parsed, never executed, and the
time and memory that parsing takes are bounded before the parser sees it.
"""

import ast
import warnings

from kernels.errors import StrategyError

MAX_BYTES = 65_536
MAX_NODES = 20_000
MAX_DEPTH = 60  # of the syntax tree: lowering takes some ten Python frames a level, of 1,000
SHOWN = 60  # characters of a found piece of source


def refused(node: ast.AST, found: str, allowed: str) -> StrategyError:
    """Say what stands at `node` and what may; to be raised."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
    return StrategyError(line, column, found, allowed)


def spelled(node: ast.AST) -> str:
    """Give the beginning of a piece of source on one line, as it can be shown to its author."""
    try:
        text = ast.unparse(node)
    except ValueError:  # a number of thousands of digits has no decimal form
        text = type(node).__name__.lower()
    return " ".join(text.split())[:SHOWN]


def parse(text: str) -> ast.Module:
    """Parse a strategy file's text; raises StrategyError with line and column."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise StrategyError(
            1, 1, f"a file of {len(text):,} characters", f"at most {MAX_BYTES:,} bytes"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice about code that will not be run
            tree = ast.parse(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        raise StrategyError(
            line, column, f"a syntax error ({error.msg})", "Python syntax"
        ) from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise StrategyError(
            1, 1, f"text that cannot be parsed ({error})", "Python syntax"
        ) from None
    refuse_large_trees(tree)
    return tree


def refuse_large_trees(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    nodes = depth = 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES:
            raise refused(level[0], "too large a program", f"at most {MAX_NODES:,} syntax nodes")
        if depth > MAX_DEPTH:
            raise refused(
                level[0],
                "too long an expression",
                f"at most {MAX_DEPTH} operations inside each other",
            )
        level = [child for node in level for child in ast.iter_child_nodes(node)]
