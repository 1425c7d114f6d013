"""A device that OpenCL drives.

Nothing may build a source in a way that changes its bits: no build option but the language version
is let through, those that the environment would add are refused, and on NVIDIA the machine text
that came out is read for operations that round differently.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl import _cl  # its own Program adds options to those it is given
from pyopencl.characterize import has_src_build_cache

from kernels import cache
from kernels.backends.cuda_ptx import looks_like_ptx, refuse_fused
from kernels.backends.opencl_accelerator import Accelerator, DeviceRefused, Programs

Array = np.ndarray[Any, Any]
Respell = Callable[[str], str]

STANDARD = "-cl-std=CL1.2"
MEDDLERS = ("PYOPENCL_BUILD_OPTIONS", "POCL_EXTRA_BUILD_FLAGS")
NEEDED = {
    "denormals": cl.device_fp_config.DENORM,
    "infinity and NaN": cl.device_fp_config.INF_NAN,
    "rounding to nearest": cl.device_fp_config.ROUND_TO_NEAREST,
}


def as_printed(source: str) -> str:
    return source


class OpenClDevice:
    """One OpenCL device with a queue; sources pass through `respell` before they are built.

    `remembers`: the driver keeps what it has built (PoCL and NVIDIA do), else binaries are kept
    beside the other compiled kernels. Raises DeviceRefused for a device without IEEE doubles.
    """

    def __init__(
        self, device: cl.Device, respell: Respell = as_printed, remembers: bool | None = None
    ) -> None:
        self.device = device
        self.respell = respell
        known = has_src_build_cache(device)
        self.remembers = bool(known) if remembers is None else remembers
        self.name = name_of(device)
        if lacks := lacking(device):
            raise DeviceRefused(f"{self.name} is turned off: it lacks {lacks}")
        self.memory = int(device.global_mem_size)
        self.largest = int(device.max_mem_alloc_size)
        self.is_gpu = is_gpu(device)
        self.group = 64 if self.is_gpu else 8
        self.context = cl.Context([device])
        self.queue = cl.CommandQueue(self.context)
        self.programs = Programs()

    def kernel(self, source: str, name: str) -> Any:
        """Build a source and give one of its kernels."""
        program = self.programs.of(source, lambda printed: self.built(self.respell(printed)))
        return cl.Kernel(program, name)

    def built(self, source: str, options: Sequence[str] = (STANDARD,)) -> Any:
        """Build a source; raises ValueError for an option that may change its bits."""
        refuse_options(options)
        flags = " ".join(options).encode()
        program = self.from_source(source, flags) if self.remembers else self.kept(source, flags)
        if "NVIDIA" in self.device.platform.vendor.upper():
            (binary,) = program.get_info(cl.program_info.BINARIES)
            if not looks_like_ptx(binary):
                raise DeviceRefused(f"{self.name} gave a binary that is no PTX: it was not checked")
            refuse_fused(binary.decode("ascii", "replace"), self.name)
        return program

    def from_source(self, source: str, flags: bytes) -> Any:
        with self.telling("build a kernel"), warnings.catch_warnings():
            # Compilers remark on conditions that were known when the source was printed.
            warnings.simplefilter("ignore", cl.CompilerWarning)
            return _cl._Program(self.context, source).build(flags, [self.device])

    def kept(self, source: str, flags: bytes) -> Any:
        """A program from its binary in the cache; one that is cut short or refused is made anew."""
        parts = (self.name.encode(), str(cl.VERSION).encode(), flags, source.encode())
        name = f"opencl_{sha256(b'/'.join(parts)).hexdigest()[:32]}.bin"

        def make() -> bytes:
            binary = self.from_source(source, flags).get_info(cl.program_info.BINARIES)[0]
            return sha256(binary).digest() + bytes(binary)

        content = cache.built(name, make)
        if sha256(content[32:]).digest() != content[:32]:
            content = make()
            cache.kept(name, content)
        with self.telling("load a kernel that was built before"):
            return _cl._Program(self.context, [self.device], [content[32:]]).build(flags)

    def buffer(self, size: int) -> Any:
        """Set aside at least `size` bytes."""
        with self.telling(f"set {size} bytes aside"):
            return cl.Buffer(self.context, cl.mem_flags.READ_WRITE, max(8, size))

    def write(self, buffer: Any, array: Array) -> None:
        """Copy an array to the beginning of a buffer."""
        if array.size:
            with self.telling("take data"):
                cl.enqueue_copy(self.queue, buffer, np.ascontiguousarray(array))

    def read(self, buffer: Any, array: Array, offset: int = 0) -> None:
        """Fill an array from a buffer."""
        if array.size:
            with self.telling("finish its work"):
                cl.enqueue_copy(self.queue, array, buffer, src_offset=offset)

    def launch(self, kernel: Any, items: int, arguments: Sequence[Any]) -> None:
        """Start a kernel over 0 … items − 1."""
        whole = -(-items // self.group) * self.group
        with self.telling("start a kernel"):
            kernel.set_args(*(np.int64(a) if isinstance(a, int) else a for a in arguments))
            cl.enqueue_nd_range_kernel(self.queue, kernel, (whole,), (self.group,))

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except cl.Error as error:
            raise DeviceRefused(f"{self.name} could not {what}: {error}") from error


def refuse_options(options: Sequence[str]) -> None:
    """Raise ValueError for any build option but `-cl-std`, wherever it comes from."""
    for option in options:
        if not option.startswith("-cl-std=") or len(option.split()) > 1:
            raise ValueError(f"build option was {option!r}, must be -cl-std=… alone")
    for name in MEDDLERS:
        if os.environ.get(name):
            raise ValueError(f"{name} was {os.environ[name]!r}, must be unset: no build options")


def lacking(device: cl.Device) -> str:
    """What a device lacks of IEEE doubles, in words; empty where it has all."""
    if "cl_khr_fp64" not in device.extensions.split() or not device.double_fp_config:
        return "doubles (cl_khr_fp64)"
    return ", ".join(n for n, flag in NEEDED.items() if not device.double_fp_config & flag)


def opencl_devices() -> list[cl.Device]:
    """Every device of every platform that answers; none where no driver is installed."""
    found: list[cl.Device] = []
    try:
        for platform in cl.get_platforms():
            found += platform.get_devices()
    except cl.LogicError as error:
        if "PLATFORM_NOT_FOUND" not in str(error):
            raise
    return found


def name_of(device: cl.Device) -> str:
    """Say platform, device and driver in a line."""
    parts = (device.platform.name, device.name, f"driver {device.driver_version}")
    return " / ".join(part.strip() for part in parts)


def is_gpu(device: cl.Device) -> bool:
    """Say whether a device is a GPU or another accelerator, not the processor itself."""
    return not device.type & cl.device_type.CPU


def found(device: cl.Device) -> tuple[str, Callable[[], Accelerator]]:
    """A device's name, and how to open it."""
    return name_of(device), partial(OpenClDevice, device)
