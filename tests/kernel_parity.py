"""The same trial on every backend: whatever runs it, however it is cut, the bits are the same.

A trial is run whole, bar by bar, and cut at random places with a fresh runner at some of them; then
as one of many accounts of a sweep. Everything a run gives is compared as bits, with numba's run in
one loop and with the plain reading of the flat list. `python -m tests.kernel_parity 0 19 numba
lanes opencl` looks at the random trials 0 … 19.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kernels import dtypes
from kernels.runner import Block, Runner, canonical
from kernels.stages import KEPT
from kernels.sweep.figures import hex_digest
from kernels.sweep.plan import Share
from kernels.sweep.run import sweep
from kernels.sweep.sets import listed
from kernels.sweep.settings import Settings, Ways
from tests.ir_machine import Machine
from tests.kernel_programs import Author
from tests.kernel_runs import MINUTE, Array
from tests.kernel_trials import Trial, drawn, somewhere, trial_of, words_at

SETS = 10  # of a sweep: more than a vector holds
SHARES: tuple[Share, ...] = ("none", "all", "auto")


@dataclass(frozen=True)
class Outcome:
    """All that a run gave; bars and strategy bars are counted from the run's first."""

    records: tuple[Array, ...]  # per account
    closes: Array
    series: Array
    state: bytes
    digests: tuple[str, ...]  # per account


# One version's run


def run(
    trial: Trial, backend: str, cuts: Collection[int] = (), fresh: Collection[int] = ()
) -> Outcome:
    """Run a trial, a block from each of `cuts` on; at `fresh` ones a new runner goes on."""
    stops = {0, len(trial.bars), *cuts, *fresh, *(at for at, _ in trial.told)}
    current = runner(trial, backend)
    blocks: list[Block] = []
    closed = 0
    for begin, end in pairwise(sorted(stops)):
        if begin in fresh:
            kept, current = current.state(), runner(trial, backend)
            current.restore(kept)
        block = current.run(trial.bars[begin:end], words_at(trial, begin))
        for records in block.records:
            records[:, dtypes.BAR_INDEX] += begin
            records[records[:, dtypes.KIND] == dtypes.SIGNAL, dtypes.D] += closed
        closed += len(block.closes)
        blocks.append(block)
    accounts = range(len(trial.lanes))
    return Outcome(
        records=tuple(np.concatenate([b.records[n] for b in blocks]) for n in accounts),
        closes=np.concatenate([b.closes for b in blocks]),
        series=np.concatenate([b.series for b in blocks], axis=1),
        state=current.state(),
        digests=tuple(current.digest(n) for n in accounts),
    )


def runner(trial: Trial, backend: str) -> Runner:
    return Runner(trial.program, trial.parameters, trial.costs, MINUTE, list(trial.lanes), backend)


def ways(trial: Trial, backend: str, rng: np.random.Generator) -> Iterator[tuple[str, Outcome]]:
    """Run a trial in one piece and in pieces; the reference also one bar at a time."""
    yield f"{backend} in one loop", run(trial, backend)
    cuts = somewhere(trial, rng, 4)
    yield f"{backend} cut at {sorted(cuts)}", run(trial, backend, cuts, fresh=cuts[:2])
    if backend == "numba":
        yield "numba bar by bar", run(trial, backend, range(len(trial.bars)))


def assert_same_runs(trial: Trial, backends: Sequence[str], seed: int) -> Outcome:
    """Compare all runs of a trial on all backends; gives what they gave."""
    rng = np.random.default_rng(seed)
    expected = run(trial, "numba")
    for backend in backends:
        for way, found in ways(trial, backend, rng):
            if wrong := difference(expected, found):
                raise AssertionError(f"{way}: {wrong}; the others by numba in one loop")
    return expected


def difference(expected: Outcome, found: Outcome) -> str:
    """Name the first thing that differs, with both values; empty where all bits are the same."""
    for n, (ours, theirs) in enumerate(zip(expected.records, found.records, strict=True)):
        if wrong := unlike(ours, theirs):
            return f"records of account {n} {wrong}"
    for name in ("closes", "series"):
        if wrong := unlike(getattr(expected, name), getattr(found, name)):
            return f"{name} {wrong}"
    if wrong := unlike(np.frombuffer(expected.state), np.frombuffer(found.state)):
        return f"state {wrong}"
    return "" if expected.digests == found.digests else f"digests were {found.digests}"


def unlike(expected: Array, found: Array) -> str:
    if expected.shape != found.shape:
        return f"had shape {found.shape}, must have {expected.shape}"
    wrong = np.argwhere(bits(expected) != bits(found))
    if len(wrong) == 0:
        return ""
    at = tuple(int(n) for n in wrong[0])
    pair = f"{float(found[at])!r}, must be {float(expected[at])!r}"
    return f"differed in {len(wrong)} of {found.size}, first at {at}: {pair}"


def bits(values: Array) -> Array:
    """The bits of numbers; of doubles with one NaN."""
    return values if values.dtype == np.int64 else canonical(values).view(np.int64)


# The same, read in plain Python


def assert_reads_alike(trial: Trial, n: int, given: Outcome) -> None:
    """Compare account n of a run with what the plain reading of the flat list gives."""
    machine = read(trial, n)
    program = trial.program
    written = np.array(machine.written).reshape(-1, dtypes.RECORD_WIDTH)
    names = list(machine.unit.rows)
    rows = np.array(machine.rows).reshape(-1, len(names))
    series = rows[:, [names.index(name) for name in program.series_names]].T
    state = np.frombuffer(given.state)
    at = len(state) - (len(trial.lanes) - n) * KEPT
    kept = [v for name in ("account", "held", "intents") for v in machine.records[name].values()]
    for what, ours, theirs in (
        ("records", written, given.records[n]),
        ("series", series, given.series),
        ("state of the series", np.array(machine.state), state[: len(machine.state)]),
        ("account", np.array(kept), state[at : at + KEPT]),
    ):
        if wrong := unlike(np.asarray(ours, np.float64), theirs):
            raise AssertionError(f"{what} of account {n} {wrong}, by the plain reading")


def read(trial: Trial, n: int) -> Machine:
    lane = trial.lanes[n]
    machine = Machine(trial.program, trial.costs, lane.limits, lane.leverage, trial.parameters)
    for name in dtypes.CAPITAL:
        machine.records["account"][name] = lane.capital
    for (begin, words), (end, _) in pairwise((*trial.told, (len(trial.bars), ()))):
        off, flatten = words[n] & dtypes.ENTRIES_OFF, words[n] & dtypes.FLATTEN
        machine.records["control"] = {
            "entries_off": float(off > 0),
            "flatten": float(flatten > 0),
        }
        machine.run(trial.bars[begin:end])
    return machine


# Many accounts


def choices(trial: Trial, rng: np.random.Generator) -> dict[str, Array]:
    """Parameter sets, the trial's own first; sets often agree in one parameter or another."""
    parameters = trial.program.parameters
    pools = [drawn(parameters, rng) for _ in range(3)]
    return {
        p.name: np.array(
            [trial.parameters[p.name], *(pools[rng.integers(3)][p.name] for _ in range(SETS - 1))]
        )
        for p in parameters
    }


def assert_same_sweeps(
    trial: Trial, backends: Sequence[str], shares: Sequence[Share], seed: int
) -> None:
    """Compare every set of sweeps on all backends with numba's run of that set alone."""
    rng = np.random.default_rng((seed, 1))
    table, lane = choices(trial, rng), trial.lanes[0]
    settings = Settings(trial.costs, lane.limits, lane.leverage, lane.capital, MINUTE)
    expected = [digest_alone(trial, table, number) for number in range(SETS)]
    sets = listed(trial.program.parameters, table)
    for backend in backends:
        for share in shares:
            tile = int(rng.choice([64, 257, 8192]))
            chosen: dict[str, Any] = {"share": share, "skips": bool(rng.random() < 0.7)}
            way = Ways(backend, tile=tile, batch=int(rng.choice([8, 16])), **chosen)
            found = sweep(trial.program, trial.bars, sets, settings, way)
            for number, wanted in enumerate(expected):
                if hex_digest(found.figures[number]) != wanted:
                    given = {name: float(values[number]) for name, values in table.items()}
                    raise AssertionError(f"{way}: set {number} {given} ended in another state")


def digest_alone(trial: Trial, table: dict[str, Array], number: int) -> str:
    parameters = {name: float(values[number]) for name, values in table.items()}
    one = Runner(trial.program, parameters, trial.costs, MINUTE, list(trial.lanes[:1]))
    one.run(trial.bars, [0])
    return one.digest()


# Random programs


def assert_parity(seed: int, backends: Sequence[str]) -> None:
    """Compare everything that the trial of a seed gives; the error names the seed.

    What takes long to compile is compared for some seeds only: sweeps by OpenCL for every second,
    by numba (beside its runs of single sets, for all) for every eleventh.
    """
    every = {"lanes": 1, "opencl": 2, "numba": 11}
    sweeping = [name for name in backends if seed % every[name] == 0]
    try:
        trial = trial_of(seed)
        given = assert_same_runs(trial, backends, seed)
        assert_reads_alike(trial, seed % len(trial.lanes), given)
        assert_same_sweeps(trial, sweeping, [SHARES[seed % len(SHARES)]], seed)
    except Exception as error:
        text = Author(seed).text()
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\n{text}") from error


def main(first: int, last: int, backends: Sequence[str]) -> int:
    """Look at seeds first … last; tells of those that differ and gives how many there were."""
    wrong = 0
    for seed in range(first, last + 1):
        try:
            assert_parity(seed, backends)
        except AssertionError as error:
            wrong += 1
            print(error, flush=True)
    print(f"{last - first + 1} programs, {wrong} of them with differences", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]), 1))
