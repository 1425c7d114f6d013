"""Spells the OpenCL source as CUDA C, for a GPU whose driver has no OpenCL.

The kernels are the same text: only what stands before them differs, and what a pragma says in
OpenCL is an option of the compiler here (OPTIONS, all of them about bits).
"""

from kernels.printers import opencl

PRELUDE = """\
#define __kernel extern "C" __global__
#define __global
#define restrict __restrict__
#define static static __device__
#define get_global_id(dimension) ((long)blockIdx.x * (long)blockDim.x + (long)threadIdx.x)
#define as_double(bits) __longlong_as_double((long long)(bits))
static_assert(sizeof(long) == 8, "sizes must be 64 bits wide");
"""
OPTIONS = ("--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")


def respelled(source: str) -> str:
    """Spell OpenCL source as CUDA C; raises ValueError for text that was not printed here."""
    if not source.startswith(opencl.PRELUDE):
        raise ValueError(f"source began {source[:40]!r}, must begin with OpenCL's prelude")
    return PRELUDE + source.removeprefix(opencl.PRELUDE)
