"""How fast a GPU sweeps, and that it gives the processor's bits: one run, nothing to set up.

What it prints: the device that passed its examination, the float64 operations of its machine text
(NVIDIA), parity of many random parameter sets with numba by every bit of every account, and million
account-bars a second for more and more accounts, with series computed beside each account and with
series shared on a grid of 16, beside the bound of the float64 instructions. Where there is no GPU
the same is run on the processor, with smaller counts, and said so.
"""

import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pyopencl as cl

from bench.candles import bars_for_bench, machine
from bench.gpu_bound import instructions_per_step, peak
from bench.strategies import futures
from kernels import dtypes, stages
from kernels.backends import opencl_choice
from kernels.backends.cuda_compiler import ptx_of
from kernels.backends.cuda_device import CudaDevice
from kernels.backends.cuda_ptx import fused, looks_like_ptx
from kernels.backends.fleet import Muster
from kernels.backends.opencl_accelerator import Accelerator
from kernels.backends.opencl_device import OpenClDevice
from kernels.backends.opencl_fleet import OpenClFleet
from kernels.backends.scalar import ScalarFleet
from kernels.constants import constants
from kernels.printers.cuda import respelled
from kernels.printers.opencl_kernels import print_step
from kernels.program import Program, compile_strategy
from kernels.runner import LaneSpec, canonical, first_desk
from kernels.timeline import Block, Timeline

Array = np.ndarray[Any, Any]
ROUNDS = 3
SERIES = ("fast", "slow", "smooth", "period", "reach")  # parameters that series depend on
CHOICES = 16  # of them, on the grid

STRATEGY = """
timeframe("1m")
fast = param(12, 5, 30)
slow = param(26, 20, 80)
smooth = param(9, 3, 30)
period = param(14, 5, 50)
reach = param(14, 5, 50)
low_side = param(35.0, 20.0, 45.0)
stop_atr = param(2.0, 1.0, 6.0)
target_atr = param(3.0, 1.0, 10.0)
hold = param(60, 5, 500)
gap = macd_histogram(fast, slow, smooth)
strength = rsi(period)
def entry():
    if gap > 0 and strength < low_side:
        return long()
    if gap < 0 and strength > 100 - low_side:
        return short()
    return FLAT
def exits():
    return plan(stop=stop_atr * atr(reach), target=target_atr * atr(reach), max_bars=hold)
"""


@dataclass(frozen=True)
class Size:
    """How much is run."""

    parity_bots: int
    parity_bars: int
    bots: tuple[int, ...]
    steps: int  # accounts × bars of one timing


GPU = Size(4096, 100_000, tuple(4**n for n in range(5, 11)), 2_000_000_000)  # 1,024 … 1,048,576
PROCESSOR = Size(512, 20_000, (256, 1024, 4096), 20_000_000)


def random_sets(program: Program, bots: int, grid: bool) -> Array:
    """Constants of random parameters; on a grid those of series take `CHOICES` values together."""
    rng = np.random.default_rng(11)
    chosen = rng.integers(0, CHOICES, bots) if grid else np.arange(bots)
    named = {}
    for p in program.parameters:
        draws = rng.uniform(p.low, p.high, bots)
        values = np.round(draws) if p.integer else draws
        named[p.name] = values[chosen] if p.name in SERIES else values
    return constants(program.flat, named)


def mustered(program: Program, bots: int, shared: bool) -> Muster:
    """A fleet's accounts at 8×, limits off."""
    flat, market, limits = program.flat, futures(), np.zeros(1, dtypes.LIMITS)
    table = random_sets(program, bots, grid=shared)
    spec = LaneSpec(8, 17_000e8, limits)
    first = first_desk(flat, table[0], spec, market)[: stages.KEPT]
    known = {("market", n): float(market[n][0]) for n in market.dtype.names}
    known |= {("limits", n): float(limits[n][0]) for n in limits.dtype.names or ()}
    known |= {("control", n): 0.0 for n in dtypes.CONTROL.names or ()}
    known["account", "leverage"] = 8.0
    groups = stages.groups(flat) if shared else []
    step = stages.step_over(flat, groups, known, skips=False)
    instances, index = [], []
    for unit in step.shared:
        columns = [stages.columns(flat).index(name) for name in sorted(unit.parameters)]
        _, at, inverse = np.unique(
            table[:, columns], axis=0, return_index=True, return_inverse=True
        )
        instances.append(table[at])
        index.append(inverse.reshape(-1).astype(np.int64))
    return Muster(step, table, np.tile(first, (bots, 1)), instances, index)


def machine_text(on: Accelerator, source: str) -> str:
    """PTX of a source on this device; empty where its binaries are no PTX."""
    if isinstance(on, CudaDevice):
        return ptx_of(respelled(source), on.architecture)
    if isinstance(on, OpenClDevice):
        (binary,) = on.built(source).get_info(cl.program_info.BINARIES)
        return str(binary.decode("ascii", "replace")) if looks_like_ptx(binary) else ""
    return ""


def tell_machine_text(on: Accelerator, source: str) -> None:
    text = machine_text(on, source)
    if not text:
        print("machine text: not PTX (no NVIDIA device); contraction is checked by parity alone")
        return
    found = Counter(re.findall(r"\b((?:add|sub|mul|div|sqrt|fma)(?:\.\w+)*\.f64)\b", text))
    listed = ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
    print(f"machine text: {listed}; not rounded once: {len(fused(text))}")


def tell_parity(on: Accelerator, program: Program, data: Block, size: Size) -> bool:
    muster = mustered(program, size.parity_bots, shared=False)
    threads = os.cpu_count() or 1
    bars = min(size.parity_bars, len(data.tape))
    kept = []
    for fleet in (OpenClFleet(on, muster), ScalarFleet(muster, threads)):
        fleet.run(data.tape, data.candles, 0, bars)
        kept.append(canonical(fleet.kept()).view(np.int64))
    wrong = int((kept[0] != kept[1]).any(axis=1).sum())
    trades = int(kept[0].view(np.float64)[:, stages.DESK["account", "trades"]].sum())
    print(
        f"parity with numba: {bars:,} bars × {size.parity_bots:,} bots, {trades:,} trades:"
        f" {wrong} accounts differ"
    )
    return wrong == 0


def rate(on: Accelerator, muster: Muster, data: Block, bars: int) -> float:
    """Million account-bars a second, compiling excluded; median of ROUNDS."""
    taken = []
    for _ in range(ROUNDS):
        fleet = OpenClFleet(on, muster)
        fleet.run(data.tape, data.candles, 0, 1)
        fleet.kept()
        began = time.perf_counter()
        fleet.run(data.tape, data.candles, 1, bars)
        fleet.kept()
        taken.append(time.perf_counter() - began)
    return len(muster.desk) * (bars - 1) / median(taken) / 1e6


def tell_rates(on: Accelerator, program: Program, data: Block, size: Size) -> None:
    most = peak(on)
    sample = Block(data.tape[:4000], data.candles[:4000], data.closes[:4000])
    bounds: list[float | None] = []
    for shared, what in ((False, "computed beside each account"), (True, "shared, 16 choices")):
        counted = instructions_per_step(on, mustered(program, 256, shared), sample)
        bounds.append(most / counted / 1e6 if most else None)
        line = f"series {what}: {counted:.1f} float64 instructions a bar"
        print(f"{line}, bound {most / counted / 1e6:,.0f} million account-bars/s" if most else line)
    print(f"{'bots':>10}{'bars':>10}{'beside':>12}{'of bound':>10}{'shared':>12}{'of bound':>10}")
    for bots in size.bots:
        bars = max(2, min(len(data.tape), size.steps // bots, 100_000))
        cells = [f"{bots:10,}{bars:10,}"]
        for shared, bound in zip((False, True), bounds, strict=True):
            found = rate(on, mustered(program, bots, shared), data, bars)
            share = f"{found / bound:.0%}" if bound else "–"
            cells.append(f"{found:12,.0f}{share:>10}")
        print("".join(cells), flush=True)


def main() -> int:
    on = opencl_choice.chosen()
    size = GPU if on.is_gpu else PROCESSOR
    bars, label = bars_for_bench()
    bars = bars[: max(size.parity_bars, 100_000)]
    program = compile_strategy(STRATEGY, "macd_rsi_atr")
    timeline = Timeline(program.timeframe, program.flat.higher, 60_000, float(futures()["tick"][0]))
    data = timeline.take(bars)
    kind = "GPU" if on.is_gpu else "NO GPU HERE: the processor, smaller counts"
    print(f"{machine()}; {label}\ndevice: {on.name} ({kind}); examined: passed")
    tell_machine_text(on, print_step(mustered(program, 1, shared=False).step))
    equal = tell_parity(on, program, data, size)
    tell_rates(on, program, data, size)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
