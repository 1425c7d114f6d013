"""Every backend gives the bits of every other: the shipped strategies, and random programs.

The long count is `make verify`'s; a failure names its seed, and `tests.kernel_parity.trial_of` makes
the same trial of it again.
"""

import atexit
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from kernels import dtypes, ir
from kernels.frontend import library
from tests import kernel_parity as parity
from tests.kernel_programs import Author
from tests.kernel_runs import STRATEGIES, Array, program_of, runner_of, walk
from tests.sweep_runs import wants

HERE = ("numba", "lanes")  # backends that need no device
ALL = (*HERE, "opencl")
LONG = bool(os.environ.get("PERPETUA_LONG"))
SHARE, MANY = (0, 22, 34), range(2000)  # seeds of random programs: each takes seconds to compile
BARS = 3000

if LONG:  # PoCL asks for its cache's place once, and never empties it
    DRIVERS_OWN = tempfile.mkdtemp(prefix="perpetua-pocl-")
    os.environ["POCL_CACHE_DIR"] = DRIVERS_OWN
    atexit.register(shutil.rmtree, DRIVERS_OWN, ignore_errors=True)


@pytest.fixture(scope="module")
def thrown_away() -> Iterator[None]:
    """A cache for programs that nobody will run again; what all programs share stays outside."""
    runner_of(program_of(STRATEGIES[0])).run(walk(2), [0])
    with (
        tempfile.TemporaryDirectory(prefix="perpetua-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PERPETUA_CACHE", folder)
        patch.setenv("PERPETUA_CACHE_MB", "64")
        yield


def shipped(path: Path, seed: int) -> parity.Trial:
    """A shipped strategy with parameters, accounts and control words of a random trial."""
    drawn, program = parity.trial_of(seed), program_of(path)
    bars = walk(BARS, seed)
    bars["funding"][::480] = 1e-4
    return replace(
        drawn,
        program=program,
        parameters=parity.drawn(program.parameters, np.random.default_rng(seed)),
        bars=np.delete(bars, np.s_[1505:1544]),  # the bar after it closes two of 15 minutes
        told=tuple((at * BARS // 1000, words) for at, words in drawn.told),
    )


# Shipped strategies


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_shipped_strategy_when_run_by_any_backend_then_gives_the_same_bits(
    path: Path, backend: str
) -> None:
    wants(backend)
    for seed in range(3):
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


def check(seed: int) -> None:
    try:
        parity.assert_parity(seed, HERE)
        wants("opencl")
        parity.assert_parity(seed, ["opencl"])
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}\n{Author(seed).text()}") from None


@pytest.mark.usefixtures("thrown_away")
@pytest.mark.parametrize("seed", SHARE)
def test_random_program_when_run_in_every_way_then_gives_the_same_bits(seed: int) -> None:
    check(seed)


@pytest.mark.long
@pytest.mark.usefixtures("thrown_away")
@pytest.mark.parametrize("seed", [seed for seed in MANY if seed not in SHARE])
def test_random_program_when_run_many_more_times_then_gives_the_same_bits(seed: int) -> None:
    check(seed)


# What the comparison is worth


def test_random_programs_when_taken_together_then_say_all_that_the_language_can() -> None:
    texts = [Author(seed).text() for seed in range(1200)]
    called = {name for name in library.indicators() if any(f" {name}(" in t for t in texts)}
    called |= {name for name in library.indicators() if any(f".{name}(" in t for t in texts)}
    assert library.indicators() - called == set()
    words = [f'sizing("{method}"' for method in dtypes.SIZING]
    words += ["higher(", "targets=", "elif", "position.return_", "-0.0", "5e-324", "[61]", "= 3 / "]
    for word in words:
        assert sum(word in text for text in texts) >= 20, word


def test_random_trials_when_read_then_do_all_that_an_account_can() -> None:
    done: Counter[int] = Counter()
    left: Counter[int] = Counter()
    sizes = []
    for seed in range(120):
        trial = parity.trial_of(seed)
        sizes.append(ir.size(trial.program.flat.series.statements))
        written = np.array(parity.read(trial, 0).written).reshape(-1, dtypes.RECORD_WIDTH)
        done.update(set(written[:, dtypes.KIND].astype(int).tolist()))
        closed = written[written[:, dtypes.KIND] == dtypes.CLOSED]
        left.update(set(closed[:, dtypes.M].astype(int).tolist()))
    assert set(done) == set(range(dtypes.SIGNAL, dtypes.RUINED + 1))
    assert done[dtypes.OPENED] >= 60
    assert set(left) == set(range(dtypes.STOP, dtypes.TARGET_3 + 1))
    assert np.median(sizes) < 150
    assert max(sizes) > 450


def flipped(values: Array) -> Array:
    """The same with the last bit of the last number another."""
    bits = np.array(values).view(np.int64)
    bits.reshape(-1)[-1] ^= 1
    return bits.view(values.dtype)


@pytest.mark.parametrize("name", [field.name for field in fields(parity.Outcome)])
def test_difference_when_one_bit_differs_then_names_where(name: str) -> None:
    given = parity.run(shipped(STRATEGIES[0], 0), "numba")
    value = getattr(given, name)
    assert parity.difference(given, given) == ""
    match name:
        case "records":
            other = (*value[:-1], flipped(value[-1]))
        case "state":
            other = flipped(np.frombuffer(value)).tobytes()
        case "digests":
            other = (*value[:-1], "")
        case _:
            other = flipped(value)
    found = parity.difference(given, replace(given, **{name: other}))
    assert found.startswith(name)
    assert parity.difference(replace(given, **{name: other}), given)


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
    with pytest.raises(AssertionError, match="set 4 .* ended in another state"):
        parity.assert_same_sweeps(trial, ["lanes"], ["none"], 0)
