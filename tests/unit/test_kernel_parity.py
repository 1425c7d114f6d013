"""Every backend gives the bits of every other: the shipped strategies, and random programs.

The long count is `make verify`'s. A failure names its seed, and `trial_of` makes the same trial of
it again.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import dtypes
from kernels.backends import opencl_choice
from kernels.frontend import library
from kernels.program import compile_strategy
from tests import kernel_parity as parity
from tests import kernel_trials as trials
from tests.conftest import ROOT
from tests.kernel_programs import Author
from tests.kernel_runs import SHIPPED, STRATEGIES, Array, program_of, runner_of, walk
from tests.sweep_runs import wants

HERE = ("numba", "lanes")  # backends that need no device
ALL = (*HERE, "opencl")
LONG = bool(os.environ.get("PERPETUA_LONG"))
SHARE = (16, 44, 60)  # seeds of random programs: each takes seconds to compile
MANY, AT_ONCE = 2000, 20  # numba gives no machine code back: a process compiles a few programs only
BARS = 3000


@pytest.fixture(scope="module")
def thrown_away() -> Iterator[Path]:
    """A cache for programs that nobody will run again; what all programs share stays outside."""
    runner_of(program_of(STRATEGIES[0])).run(walk(2), [0])
    with (
        tempfile.TemporaryDirectory(prefix="perpetua-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PERPETUA_CACHE", folder)
        patch.setenv("PERPETUA_CACHE_MB", "64")
        yield Path(folder)


def shipped(path: Path, seed: int) -> trials.Trial:
    """A shipped strategy with parameters, accounts and control words of a random trial."""
    drawn, program = trials.trial_of(seed), program_of(path)
    bars = walk(BARS, seed)
    bars["funding"][::480] = 1e-4
    return replace(
        drawn,
        program=program,
        parameters=trials.drawn(program.parameters, np.random.default_rng(seed)),
        bars=np.delete(bars, np.s_[1505:1544]),  # the bar after it closes two of 15 minutes
        told=tuple((at * BARS // 1000, words) for at, words in drawn.told),
    )


# Shipped strategies


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_strategy_when_run_by_any_backend_then_gives_the_same_bits(
    path: Path, backend: str
) -> None:
    wants(backend)
    for seed in range(3 if path in STRATEGIES else 1):
        trial = shipped(path, seed)
        given = parity.assert_same_runs(trial, [backend], seed)
        if backend == "numba":
            parity.assert_reads_alike(trial, seed % len(trial.lanes), given)


@pytest.mark.parametrize("backend", HERE[1:] if not LONG else ALL)
@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_swept_then_every_set_ends_as_it_does_alone(
    path: Path, backend: str
) -> None:
    wants(backend)
    for seed in range(2 if backend != "numba" else 1):
        parity.assert_same_sweeps(shipped(path, seed), [backend], parity.SHARES, seed)


# Random programs


def backends() -> tuple[str, ...]:
    found = any(not isinstance(device, str) for device in opencl_choice.listed())
    return ALL if found else HERE


@pytest.mark.usefixtures("thrown_away")
@pytest.mark.parametrize("seed", SHARE)
def test_random_program_when_run_in_every_way_then_gives_the_same_bits(seed: int) -> None:
    parity.assert_parity(seed, backends())
    wants("opencl")


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, MANY, AT_ONCE))
def test_random_programs_when_very_many_are_run_then_give_the_same_bits(
    first: int, thrown_away: Path
) -> None:
    last = first + AT_ONCE - 1
    with tempfile.TemporaryDirectory(dir=thrown_away) as drivers:  # PoCL never empties its own
        done = subprocess.run(
            [sys.executable, "-m", "tests.kernel_parity", str(first), str(last), *backends()],
            env={**os.environ, "POCL_CACHE_DIR": drivers},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.endswith(f"{AT_ONCE} programs, 0 of them with differences\n")
    wants("opencl")


# Programs that once came out otherwise, or not at all

ONCE = {
    "one series of a longer timeframe, used by two others": """
h = higher("15m")
a = h.atr(n)
b = h.ema(h.true_range(), n) - h.natr(n)
def entry():
    if a > b and close > open:
        return long()
    return FLAT
def exits():
    return plan(stop=a)
""",
    "the bar of a longer timeframe, named in a branch": """
h = higher("15m")
def entry():
    if close > open:
        if close > h.close:
            return long()
    return FLAT
def exits():
    if position.bars > 3:
        return plan(stop=h.high - h.low, max_bars=h.volume)
    return plan(stop=9)
""",
    "two ways that set the same, and something after them": """
def entry():
    if close > open:
        return short(tag="t", confidence=0.5)
    else:
        if 1 < 2:
            return short(confidence=0.25)
    return SHORT
def exits():
    return plan(stop=9)
""",
    "what is no number, known before anything runs": """
def entry():
    if close > open:
        return long(confidence=floor(0 / 0))
    return FLAT
def exits():
    return plan(stop=9, target=floor(position.return_ / position.bars), trail=floor(sqrt(-1)) + 5)
""",
    "a fixed condition with a name of its own": """
def entry():
    wide = k > 1
    if close > open:
        return long(confidence=min(1 if wide else 0.5, 0.7))
    return FLAT
def exits():
    tight = k < 1
    return plan(stop=(9 if tight else 4) * k + 5)
""",
}


@pytest.mark.usefixtures("thrown_away")
@pytest.mark.parametrize("what", ONCE)
def test_program_when_one_like_it_once_failed_then_gives_the_same_bits(what: str) -> None:
    head = 'timeframe("5m")\nn = param(5, 2, 9)\nk = param(0.5, 0.0, 2.0)\n'
    program = compile_strategy(head + ONCE[what].lstrip(), "once")
    trial = replace(trials.trial_of(1), program=program, parameters={"n": 4.0, "k": 1.5})
    given = parity.assert_same_runs(trial, backends(), 1)
    parity.assert_reads_alike(trial, 0, given)
    assert any(len(records) for records in given.records)
    wants("opencl")


# What the comparison is worth


def test_random_programs_when_taken_together_then_say_all_that_the_language_can() -> None:
    texts = [Author(seed).text() for seed in range(1200)]
    called = {name for name in library.indicators() if any(f" {name}(" in t for t in texts)}
    called |= {name for name in library.indicators() if any(f".{name}(" in t for t in texts)}
    assert library.indicators() - called == set()
    words = [f'sizing("{method}"' for method in dtypes.SIZING]
    words += [
        "higher(",
        "targets=",
        "size=",
        "elif",
        "position.return_",
        "-0.0",
        "5e-324",
        "[61]",
        "= 3 / ",
    ]
    for word in words:
        assert sum(word in text for text in texts) >= 20, word


def test_random_trials_when_read_then_do_what_an_account_can() -> None:
    done: Counter[int] = Counter()
    left: Counter[int] = Counter()
    for seed in range(200 if LONG else 30):
        written = np.array(parity.read(trials.trial_of(seed), 0).written)
        done.update(set(written[:, dtypes.KIND].astype(int).tolist()))
        closed = written[written[:, dtypes.KIND] == dtypes.CLOSED]
        left.update(set(closed[:, dtypes.M].astype(int).tolist()))
    assert done[dtypes.OPENED] > 0.4 * done[dtypes.MARKED]
    missing = set(range(dtypes.SIGNAL, dtypes.RUINED + 1)) - set(done)
    assert missing <= (set() if LONG else {dtypes.LIQUIDATED, dtypes.RUINED, dtypes.CLEARED})
    rare = {dtypes.LIQUIDATION, dtypes.OPERATOR, dtypes.TARGET_2, dtypes.TARGET_3}
    assert set(range(dtypes.STOP, dtypes.TARGET_3 + 1)) - set(left) <= (set() if LONG else rare)


def flipped(values: Array) -> Array:
    """The same with the last bit of the last number another."""
    bits = np.array(values).view(np.int64)
    bits.reshape(-1)[-1] ^= 1
    return bits.view(values.dtype)


@pytest.mark.parametrize("name", [field.name for field in fields(parity.Outcome)])
def test_difference_when_one_bit_differs_then_names_where(name: str) -> None:
    given = parity.run(shipped(STRATEGIES[0], 0), "numba")
    value = getattr(given, name)
    others: dict[str, Any] = {
        "records": lambda: (*value[:-1], flipped(value[-1])),
        "state": lambda: flipped(np.frombuffer(value)).tobytes(),
        "digests": lambda: (*value[:-1], ""),
    }
    other = replace(given, **{name: others.get(name, lambda: flipped(value))()})
    assert parity.difference(given, given) == ""
    assert parity.difference(given, other).startswith(name)
    assert parity.difference(other, given).startswith(name)


def test_reading_when_one_bit_of_a_record_differs_then_is_refused() -> None:
    trial = shipped(STRATEGIES[0], 0)
    given = parity.run(trial, "numba")
    parity.assert_reads_alike(trial, 0, given)
    spoiled = replace(given, records=(flipped(given.records[0]), *given.records[1:]))
    with pytest.raises(AssertionError, match="records of account 0 differed in 1"):
        parity.assert_reads_alike(trial, 0, spoiled)


def test_sweep_when_one_set_ends_otherwise_then_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = shipped(STRATEGIES[0], 0)
    alone = parity.digest_alone
    monkeypatch.setattr(
        parity, "digest_alone", lambda t, table, n: alone(t, table, n) if n != 4 else ""
    )
    with pytest.raises(AssertionError, match=r"set 4 .* ended in another state"):
        parity.assert_same_sweeps(trial, ["lanes"], ["none"], 0)
