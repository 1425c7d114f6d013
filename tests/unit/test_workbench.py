"""What a source must be to be tried at all: whatever its author's bench takes, a test can run."""

import pytest

from application.improvement.admission import check
from application.improvement.workbench import fitting
from kernels.errors import StrategyError
from kernels.program import compile_strategy
from tests.improvement_fakes import HOUR, SWING


def long(averages: int) -> str:
    """A text whose rules read so many averages."""
    made: list[str] = []
    tests: list[str] = []
    for first in range(0, averages, 40):
        names = [f"e{n}" for n in range(first, min(first + 40, averages))]
        made += [f"{name} = ema(close, {int(name[1:]) + 2})" for name in names]
        made.append(f"t{first} = {' + '.join(names)}")
        tests.append(f"t{first} > 0")
    text = SWING.replace("stirred = abs", "\n".join([*made, "stirred = abs"]))
    both = " and ".join(["lean * move > 0", *tests])
    return text.replace("lean * move > 0:", f"{both}:")


def compiles(text: str, several: bool) -> bool:
    try:
        compile_strategy(text, "swing", several=several)
    except StrategyError:
        return False
    return True


def test_source_when_it_is_too_long_for_accounts_on_several_symbols_then_is_refused() -> None:
    texts = [long(averages) for averages in range(137, 143)]
    text = next(t for t in texts if compiles(t, several=False) and not compiles(t, several=True))
    with pytest.raises(StrategyError):
        fitting(compile_strategy(text, "swing"), HOUR)
    refused = check(text, {}, lambda given: fitting(compile_strategy(given, "swing"), HOUR))
    assert isinstance(refused, str)
    assert refused.startswith("DOES_NOT_COMPILE: ")
    assert fitting(compile_strategy(SWING, "swing"), HOUR).name == "swing"
