"""How close the lanes come to the machine's limit: the loop as compiled, weighed by llvm-mca.

The assembly is compiled once more with a counter in every block, so that what runs how often is
counted and not guessed. Blocks that run at more than half of the bars are one loop to llvm-mca: its
cycles are the bound, with its share of every rarer block added. Mispredicted branches, waiting for
memory and handing out work are not in the bound; they are what lies between it and the clock.
"""

import ctypes
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from llvmlite import binding

from bench.candles import bars_for_bench, machine
from bench.strategies import MACD_RSI_ATR
from bench.sweep import sets_for, settings_for
from kernels import llvm
from kernels.backends import lanes_code
from kernels.backends.fleet import Muster
from kernels.backends.lanes import LanesFleet
from kernels.constants import constants
from kernels.printers import lanes
from kernels.printers.lanes_frames import Alike
from kernels.printers.lanes_values import LANES
from kernels.program import compile_strategy
from kernels.sweep.plan import Share
from kernels.sweep.run import Sweep, Ways

BARS, COUNTED, ROUNDS = 100_000, 8_192, 5
STEP = "step"
OFTEN, SELDOM = 0.5, 0.0005  # of the bars
CHAIN = 10_000_000
COUNT = (  # a block's first words; neither flags nor the stack below its pointer may change
    "leaq -128(%rsp), %rsp",
    "pushfq",
    "incq counters+{}(%rip)",
    "popfq",
    "leaq 128(%rsp), %rsp",
)
MODELS = (llvm.processor()[0], "znver4", "icelake-server", "skylake-avx512")


class NoTool(RuntimeError):
    """llvm-mca is not there, or too old to know vectors of eight doubles."""


@dataclass(frozen=True)
class Bound:
    """What one bar of eight accounts takes on one core."""

    model: str  # of the processor, to llvm-mca
    instructions: float
    cycles: float  # at least


def tool() -> tuple[str, str]:
    """Find llvm-mca and the best processor it knows of those like this one; raises NoTool."""
    newest = sorted(Path("/usr/lib").glob("llvm-*/bin/llvm-mca"), reverse=True)
    for path in (*map(str, newest), shutil.which("llvm-mca")):
        for model in MODELS if path else ():
            command = [str(path), f"-mcpu={model}", "-iterations=1"]
            text = "vaddpd %zmm0, %zmm1, %zmm2\n"
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            if done.returncode == 0 and "not a recognized processor" not in done.stderr:
                return str(path), model
    raise NoTool("llvm-mca was not found, must be one that knows AVX-512 (Debian: llvm-19)")


def weighed(instructions: list[str], rounds: int = 50) -> tuple[float, float]:
    """Cycles of some instructions as a loop, and the least their units take, by llvm-mca."""
    path, model = tool()
    text = "\n".join(i for i in instructions if not i.startswith(("call", "ret")))
    command = [path, f"-mcpu={model}", f"-iterations={rounds}"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    total = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    least = re.search(r"Block RThroughput:\s+([\d.]+)", done.stdout)
    if total is None or least is None:
        raise NoTool(f"{path} answered {done.stdout[:80]!r}")
    return int(total[1]) / rounds, float(least[1])


def blocks_counted(assembly: str, name: str) -> tuple[str, list[list[str]]]:
    """The assembly with a counter in every block of a function, and the blocks."""
    lines: list[str] = []
    blocks: list[list[str]] = []
    inside = begins = False
    for line in assembly.splitlines():
        plain = line.split("#")[0].rstrip()
        if plain == f"{name}:" or (inside and re.match(r"\.LBB\d+_\d+:$", plain)):
            inside = begins = True
        elif plain.startswith(".Lfunc_end"):
            inside = False
        elif inside and plain.startswith("\t") and not plain.strip().startswith("."):
            if begins:
                lines += [f"\t{word.format(8 * len(blocks))}" for word in COUNT]
                blocks.append([])
            begins = bool(re.match(r"\tj[a-z]+\b", plain))
            blocks[-1].append(plain.strip())
        lines.append(line)
    lines += ["\t.data", "\t.globl counters", "counters:", f"\t.zero {8 * len(blocks)}"]
    return "\n".join(lines), blocks


def assembled(assembly: str) -> bytes:
    """Object code of some assembly."""
    spelled = assembly.replace("\\", "\\5C").replace('"', "\\22")
    text = "\n".join(f'module asm "{line}"' for line in spelled.splitlines())
    return llvm.machine_code(text)


def bound_of(muster: Muster, sweep: Sweep) -> Bound:
    """Count and weigh the step of a fleet."""
    fleet = LanesFleet(muster, 1)
    alike = Alike(fleet.columns, fleet.reaches, prompt=True, awake=True)  # minutes on minutes
    assembly, blocks = blocks_counted(llvm.assembly(lanes.print_step(muster.step, alike)), STEP)
    library = llvm.linked(assembled(assembly), STEP, "counters")
    types = lanes_code.sweep_types(len(muster.step.shared))
    fleet.forms[True] = ctypes.CFUNCTYPE(None, *types)(library[STEP])
    fleet.awake = fleet.prompt = True
    fleet.run(sweep.tape, sweep.candles, 0, COUNTED)
    numbers = (ctypes.c_int64 * len(blocks)).from_address(library["counters"])
    shares = np.array(numbers) / (len(fleet.desk) * COUNTED)
    often = [i for share, block in zip(shares, blocks, strict=True) if share > OFTEN for i in block]
    cycles = weighed(often)[0]
    for share, block in zip(shares, blocks, strict=True):
        if SELDOM < share <= OFTEN:
            cycles += share * weighed(block)[1]
    lengths = np.array([len(block) for block in blocks])
    return Bound(tool()[1], float(shares @ lengths), cycles)


def gigahertz() -> float:
    """Cycles of this core in a nanosecond, by a chain of additions that wait for each other."""
    links = "\n".join(
        f'  %a{n + 1} = call i64 asm sideeffect "addq $0, $0", "=r,0"(i64 %a{n})' for n in range(16)
    )
    text = f"""define void @chain(i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %a0 = phi i64 [ 1, %entry ], [ %a16, %loop ]
{links}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""
    library = llvm.linked(llvm.machine_code(text), "chain")
    chain = ctypes.CFUNCTYPE(None, ctypes.c_int64)(library["chain"])
    rounds = CHAIN // 16
    return max(16 * rounds / timed(lambda: chain(rounds)) for _ in range(ROUNDS)) / 1e9


def timed(work: Callable[[], None]) -> float:
    """Seconds of this thread's own that a call takes."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


class OneThread(LanesFleet):
    """A fleet that works in the thread that asks, and notes how long its steps take."""

    stepping = 0.0  # s

    def handed_out(self, count: int, work: Callable[[int, int], None]) -> list[Future[None]]:
        """Do it now."""
        took = timed(lambda: work(0, count))
        if not isinstance(work, partial):  # which fills rows
            self.stepping += took
        return []


def seconds_of(muster: Muster, sweep: Sweep) -> float:
    """Seconds that one bar of eight accounts takes on one core, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        fleet = OneThread(muster, 1)
        fleet.run(sweep.tape, sweep.candles, 0, BARS)
        best = min(best, fleet.stepping / (len(fleet.desk) * BARS))
    return best


def main() -> None:
    binding.initialize_native_asmparser()
    bars, label = bars_for_bench()
    clock = gigahertz()
    print(f"{machine()}, {clock:.2f} GHz; {label}; llvm-mca for {tool()[1]}")
    print("MACD/RSI/ATR, 1,024 sets, one bar of eight accounts on one core:")
    titles = ("instructions", "bound, cycles", "taken, cycles", "of bound", "Mstep/s a core")
    print(f"{'':22}" + "".join(f"{title:>16}" for title in titles))
    program = compile_strategy(MACD_RSI_ATR, "bound")
    ways: tuple[tuple[str, str, Share], ...] = (
        ("random sets", "random", "none"),
        ("grid, series shared", "grid", "all"),
    )
    for name, job, share in ways:
        asked = Ways(backend="lanes", threads=1, collected=True, share=share)
        sweep = Sweep(program, bars[:BARS], sets_for(job, 1024, program), settings_for(job), asked)
        muster, _ = sweep.mustered(constants(sweep.flat, sweep.table(0)))
        bound, taken = bound_of(muster, sweep), seconds_of(muster, sweep)
        cycles = taken * clock * 1e9
        print(
            f"{name:22}{bound.instructions:>16.0f}{bound.cycles:>16.1f}{cycles:>16.1f}"
            f"{bound.cycles / cycles:>16.0%}{LANES / taken / 1e6:>16.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
