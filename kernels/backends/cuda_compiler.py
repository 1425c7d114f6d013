"""NVIDIA's run-time compiler (NVRTC), used where it is installed: CUDA C in, PTX out.

It is no dependency: it comes with the CUDA toolkit and with packages that bring a part of it. It is
looked for in CUDA_PATH or CUDA_HOME, in the loader's own places, and beside installed packages.
"""

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from kernels.backends.opencl_accelerator import DeviceRefused
from kernels.printers.cuda import OPTIONS

Library = ctypes.CDLL


def places() -> Iterator[str]:
    for variable in ("CUDA_PATH", "CUDA_HOME"):
        if os.environ.get(variable):
            yield str(Path(os.environ[variable]) / "lib64" / "libnvrtc.so")
    yield from ("libnvrtc.so", *(f"libnvrtc.so.{major}" for major in (13, 12)))
    for entry in sys.path:
        found = Path(entry).glob("nvidia/*/lib/libnvrtc.so.*")
        yield from (str(path) for path in sorted(found) if "alt" not in path.name)
    yield "/usr/local/cuda/lib64/libnvrtc.so"


@cache
def compiler() -> Library | None:
    """Load NVRTC, or give None where there is none."""
    for place in places():
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    return None


def ptx_of(source: str, architecture: str, options: Sequence[str] = OPTIONS) -> str:
    """Compile CUDA C for an architecture (`compute_90`); raises DeviceRefused with the log."""
    library = compiler()
    if library is None:
        raise DeviceRefused("NVRTC is not installed: set CUDA_PATH, or install CUDA's compiler")
    program = ctypes.c_void_p()
    text = source.encode()
    checked(library, "nvrtcCreateProgram", ctypes.byref(program), text, b"kernel.cu", 0, None, None)
    try:
        flags = [f"--gpu-architecture={architecture}".encode(), *(o.encode() for o in options)]
        given = (ctypes.c_char_p * len(flags))(*flags)
        if library.nvrtcCompileProgram(program, len(flags), given):
            raise DeviceRefused(f"NVRTC could not compile a kernel: {text_of(library, program)}")
        return text_of(library, program, "PTX")
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def text_of(library: Library, program: ctypes.c_void_p, what: str = "ProgramLog") -> str:
    size = ctypes.c_size_t()
    checked(library, f"nvrtcGet{what}Size", program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    checked(library, f"nvrtcGet{what}", program, text)
    return text.value.decode("utf-8", "replace")


def checked(library: Library, function: str, *arguments: object) -> None:
    code = getattr(library, function)(*arguments)
    if code:
        raise DeviceRefused(f"{function} gave error {code}")
