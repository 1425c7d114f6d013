"""Strategy files, read from where an operator keeps them.

A file's name is the strategy's name, and its text is data: it is parsed, never executed. What is
wrong with one is said with the file, the line and the column.
"""

from collections.abc import Sequence
from pathlib import Path

from application.trading import StrategySource
from kernels.errors import StrategyError
from kernels.frontend.source import MAX_BYTES, refuse_unreadable
from kernels.program import Program, compile_strategy

SHIPPED = Path(__file__).resolve().parent.parent / "strategies"

# Those that begin crude on purpose and are there to be improved (docs/strategies.md).
ADAPTIVE = (
    "bollinger_reversion",
    "donchian_breakout",
    "ema_trend",
    "keltner_squeeze",
    "macd_momentum",
    "market_maker",
    "rsi_extremes",
    "session_breakout",
    "supertrend_follow",
    "vwap_reversion",
)


def adaptive_files() -> tuple[str, ...]:
    """Give the files of the shipped strategies that are there to be improved."""
    return tuple(str(SHIPPED / f"{name}.py") for name in ADAPTIVE)


class StrategyFileMissing(FileNotFoundError):
    """A strategy file or directory was named that is not there, or holds no strategy."""


class StrategyRefused(ValueError):
    """A strategy file does not compile: names the file, where, what was found, what is allowed."""


def strategy_sources(paths: Sequence[str]) -> tuple[StrategySource, ...]:
    """Read strategy files, named ones or all of named directories, else those shipped.

    Raises `StrategyFileMissing` and `StrategyRefused`.
    """
    files: dict[str, Path] = {}
    for path in map(Path, paths) if paths else (SHIPPED,):
        found = sorted(path.glob("*.py")) if path.is_dir() else [path]
        if not found or not found[0].is_file():
            raise StrategyFileMissing(f"strategies was {path}, must be a file or hold *.py files")
        for file in found:
            if file.stem in files:
                raise StrategyRefused(
                    f"{file}: strategy name {file.stem!r} is {files[file.stem]}'s already"
                )
            files[file.stem] = file
    return tuple(StrategySource(name, text_of(file)) for name, file in files.items())


def compiled(file: Path, sizing: tuple[str, float] | None = None) -> Program:
    """Compile one strategy file, for research with a sizing (method, value) in place of its own.

    Raises `StrategyRefused`, caused by the `StrategyError` where the file says something wrong, or
    `OSError` where it cannot be read.
    """
    try:
        text = beginning(file)
        if len(text) <= MAX_BYTES:  # else that is what is the matter with it
            refuse_unreadable(text)
        return compile_strategy(text, file.stem, sizing)
    except StrategyError as error:
        raise StrategyRefused(f"{file}: {error}") from error
    except UnicodeDecodeError as error:
        raise StrategyRefused(f"{file}: found bytes that are no UTF-8 text ({error})") from error


def text_of(file: Path) -> str:
    """Read a strategy file that compiles. Raises `StrategyFileMissing` and `StrategyRefused`."""
    if not file.is_file():
        raise StrategyFileMissing(f"strategy file was {file}, must be a file")
    compiled(file)
    return beginning(file)


def beginning(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:  # a device or a dump may have no end
        return opened.read(MAX_BYTES + 1)
