"""Reads NVIDIA's machine text (PTX) for operations that do not round as IEEE says.

An operation with `.rn` is rounded once and never merged with another. One without a rounding mode
(`mul.f64`) may be fused by the assembler that follows; `fma` and `mad` are fused already; `approx`
is not correctly rounded. Float64 operations of these kinds are refused, whichever options or
pragmas were meant to keep them out.
"""

import re

from kernels.backends.opencl_accelerator import DeviceRefused

ARITHMETIC = re.compile(
    r"(?<![\w.$%])((?:fma|mad|add|sub|mul|div|sqrt|rcp|rsqrt|ex2|lg2|sin|cos)(?:\.\w+)*\.f64)\b"
)
ROUNDED = re.compile(r"^(?:add|sub|mul|div|sqrt|rcp)\.rn\.f64$")


def looks_like_ptx(binary: bytes) -> bool:
    """Say whether a program binary is PTX text."""
    return b".version" in binary and b".target" in binary


def fused(ptx: str) -> list[str]:
    """List the float64 operations that are not rounded once, to nearest: `line 12: fma.rn.f64 …`.

    Comments are not read.
    """
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), ptx, flags=re.DOTALL)
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        for statement in code.split(";"):
            match = ARITHMETIC.search(statement)
            if match and not ROUNDED.match(match[1]):
                found.append(f"line {number}: {statement.strip()}")
    return found


def refuse_fused(ptx: str, device: str) -> None:
    """Raise DeviceRefused naming the device and the first operations that may be fused."""
    found = fused(ptx)
    if found:
        shown = "; ".join(found[:3])
        raise DeviceRefused(
            f"{device}: its compiler made {len(found)} float64 operations that are not rounded once"
            f" to nearest ({shown})"
        )
