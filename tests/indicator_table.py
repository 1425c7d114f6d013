"""The table of docs/indicators.md, made of the docstrings of what the language exports.

`python -m tests.indicator_table` writes the page anew; a test compares the page with it.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from kernels.frontend import library

PAGE = Path(__file__).parent.parent / "docs" / "indicators.md"
MARK = "<!-- the table below is made of the docstrings: python -m tests.indicator_table -->\n"
FIELDS = re.compile(
    r"(?P<what>.+) Unit: (?P<unit>.+?)\. Warm-up: (?P<warm_up>.+?)\. "
    r"Source: (?P<source>.+?)\. Class: (?P<reading>.+)\."
)
FAMILIES = (
    "averages",
    "momentum",
    "volatility",
    "trend",
    "volume",
    "levels",
    "windows",
    "patterns",
    "classes",
    "regime",
)


@dataclass(frozen=True)
class Entry:
    """What one indicator's docstring says."""

    call: str
    what: str
    unit: str
    warm_up: str
    source: str
    reading: str


def entry(name: str) -> Entry:
    """Read one docstring; raises ValueError where a field is missing."""
    function = library.functions()[name]
    found = FIELDS.fullmatch(" ".join(function.documentation.split()))
    if found is None:
        raise ValueError(f"{name} must say: Unit, Warm-up, Source and Class, in this order")
    return Entry(f"{name}({', '.join(function.arguments)})", **found.groupdict())


def entries(family: str) -> list[Entry]:
    """The exported functions of one library module, in its order."""
    names = [n for n, f in library.functions().items() if f.module == family]
    return [entry(n) for n in names if n in library.indicators()]


def row(found: Entry) -> str:
    reading = found.reading if found.reading.isalpha() else f"`{found.reading}`"
    cells = [f"`{found.call}`", found.what, found.unit, found.warm_up, found.source, reading]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table() -> str:
    """All families, each under the first line of its module."""
    parts = []
    for family in FAMILIES:
        text = (library.FOLDER / f"{family}.py").read_text(encoding="utf-8")
        title = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
        parts.append(f"## {family.capitalize()}\n\n{title}\n")
        parts.append(
            "| function | what | unit | warm-up | source | class |\n|---|---|---|---|---|---|"
        )
        parts.append("\n".join(row(found) for found in entries(family)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(head + MARK + "\n" + table(), encoding="utf-8")
