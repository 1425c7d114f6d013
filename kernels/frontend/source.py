"""Reads source text into a syntax tree, within bounds that no file can exceed.

A strategy file may come from a language model or a stranger: it is parsed, never executed, and the
time and memory that parsing takes are bounded before the parser sees it.
"""

import ast
import io
import re
import tokenize
import warnings

from kernels.errors import StrategyError

MAX_BYTES = 65_536
MAX_NODES = 20_000
MAX_DEPTH = 60  # of the syntax tree: lowering takes some ten Python frames a level, of 1,000
SHOWN = 60  # characters of a found piece of source
# What a terminal obeys, or what shows text in another order than it stands in.
UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
    r"|\r(?!\n)"
)

# What makes Python's parser give up, by how the line looks.
SPELLINGS = tuple(
    (re.compile(pattern), allowed)
    for pattern, allowed in (
        (r"```", "the file alone, without fences around it"),
        (r"\ufeff", "a file saved as UTF-8 without a byte order mark"),
        ("[“”‘’„]", "straight quotes"),
        ("[−–—×÷≤≥≠]", "the signs - * / <= >= !="),
        (r"\b(and|or)\s*([<>]=?|[=!]=)", "both sides written out: x > 30 and x < 70"),
        (r"&&|\|\|", "the words and, or"),
        (r"!(?!=)", "the word not"),
        (r"=<|=>|<>", "<= >= !="),
        (r"\belse\s+if\b", "elif"),
        (r"position\.return\b", "position.return_, with an underscore"),
        (r"higher\(\s*\d", 'a timeframe in quotes, such as higher("1h")'),
        (r"timeframe\(\s*\d", 'a timeframe in quotes, such as timeframe("15m")'),
        (r"\d\s*%\s*[,)]?\s*$|\d%", "a share of one: 2 % is 0.02"),
        (r"\?", "a if condition else b"),
        (r"^\s*(var|let|const|float|int|double)\s+\w+", "name = value"),
        (r"^\s*(el)?if\b[^=<>!]*[^=<>!]=[^=]", "== to compare"),
    )
)


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
        lines = text.splitlines()
        found = f"a syntax error ({error.msg[:SHOWN]})"
        allowed = meant(lines[line - 1] if line <= len(lines) else "")
        raise StrategyError(line, max(column, 1), found, allowed) from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise StrategyError(
            1, 1, f"text that cannot be parsed ({error or 'nested too deep'})", "Python syntax"
        ) from None
    refuse_large_trees(tree)
    if not text.isascii():
        refuse_foreign_names(text)
    return tree


def refuse_unreadable(text: str) -> None:
    """No control characters but lines and tabs, and none that turns the direction of text.

    For where files come in, from people and models: they are to be read by people as well. What a
    log holds is compiled as it is. Raises StrategyError.
    """
    found = UNREADABLE.search(text)
    if found is not None:
        at = found.start()
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        sign = f"the control character U+{ord(found[0]):04X}"
        raise StrategyError(line, column, sign, "text that can be read")


def refuse_foreign_names(text: str) -> None:
    """Names in ASCII alone: a Cyrillic с looks like a c, and Python takes a wide ｃ for one."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline=None).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise StrategyError(
            1, 1, f"text that cannot be parsed ({error})", "Python syntax"
        ) from None
    for token in tokens:
        if token.type == tokenize.NAME and not token.string.isascii():
            foreign = next(c for c in token.string if not c.isascii())
            raise StrategyError(
                token.start[0],
                token.start[1] + 1,
                f"the name {token.string[:40]!r} with the letter U+{ord(foreign):04X}",
                "names of ASCII letters, digits and _",
            )


def meant(line: str) -> str:
    """What may stand in a line that Python's parser gave up at."""
    found = (allowed for pattern, allowed in SPELLINGS if pattern.search(line))
    return next(found, "Python syntax")


def refuse_large_trees(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    nodes = depth = 0
    where: ast.AST = tree
    while level:
        nodes, depth = nodes + len(level), depth + 1
        where = next((node for node in level if hasattr(node, "lineno")), where)
        if nodes > MAX_NODES:
            raise refused(where, "too large a program", f"at most {MAX_NODES:,} syntax nodes")
        if depth > MAX_DEPTH:
            raise refused(
                where,
                "too long an expression",
                f"at most {MAX_DEPTH} operations inside each other",
            )
        level = [child for node in level for child in ast.iter_child_nodes(node)]
