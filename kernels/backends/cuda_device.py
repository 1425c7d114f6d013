"""A GPU that CUDA's driver drives, for machines where it has no OpenCL.

The driver's own library is called; nothing is installed for it. Sources are those of OpenCL,
spelled as CUDA C and compiled at run time without fused operations; what comes out is read as well.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from ctypes import byref, c_int, c_int64, c_size_t, c_uint64, c_void_p
from functools import cache, partial
from typing import Any

import numpy as np

from kernels.backends.cuda_compiler import Library, compiler, ptx_of
from kernels.backends.cuda_ptx import refuse_fused
from kernels.backends.opencl_accelerator import Accelerator, DeviceRefused, Programs
from kernels.printers.cuda import respelled

Array = np.ndarray[Any, Any]
GROUP = 64
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*


class CudaDevice:
    """One GPU; raises DeviceRefused for any error of the driver's."""

    is_gpu = True

    def __init__(self, number: int) -> None:
        driver = loaded()
        if driver is None:
            raise DeviceRefused("CUDA's driver (libcuda.so.1) is not installed")
        self.driver, self.number = driver, number
        self.name = name_of(driver, number)
        major, minor = (attribute(driver, number, which) for which in (MAJOR, MINOR))
        self.architecture = f"compute_{major}{minor}"
        size = c_size_t()
        call(driver, "cuDeviceTotalMem_v2", byref(size), c_int(number))
        self.memory = self.largest = size.value
        self.context = c_void_p()
        call(driver, "cuDevicePrimaryCtxRetain", byref(self.context), c_int(number))
        self.modules = Programs()

    def kernel(self, source: str, name: str) -> "Kernel":
        """Build a source and give one of its kernels."""
        return Kernel(self.modules.of(source, partial(Module, self)), name)

    def buffer(self, size: int) -> "Memory":
        """Set aside at least `size` bytes."""
        self.enter()
        return Memory(self, max(8, size))

    def write(self, buffer: "Memory", array: Array) -> None:
        """Copy an array to the beginning of a buffer."""
        if array.size:
            self.enter()
            held = np.ascontiguousarray(array)
            pointer = c_void_p(held.ctypes.data)
            call(self.driver, "cuMemcpyHtoD_v2", buffer.at, pointer, c_size_t(held.nbytes))

    def read(self, buffer: "Memory", array: Array, offset: int = 0) -> None:
        """Fill an array from a buffer."""
        if array.size:
            self.enter()
            begin, pointer = c_uint64(buffer.at.value + offset), c_void_p(array.ctypes.data)
            call(self.driver, "cuMemcpyDtoH_v2", pointer, begin, c_size_t(array.nbytes))

    def launch(self, kernel: "Kernel", items: int, arguments: Sequence[Any]) -> None:
        """Start a kernel over 0 … items − 1."""
        self.enter()
        held = [c_int64(a) if isinstance(a, int) else a.at for a in arguments]
        pointers = (c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
        shape = (-(-items // GROUP), 1, 1, GROUP, 1, 1)
        call(self.driver, "cuLaunchKernel", kernel.at, *shape, 0, None, pointers, None)

    def enter(self) -> None:
        call(self.driver, "cuCtxSetCurrent", self.context)


class Module:
    """A source in machine code, given back when no kernel of it is held any more."""

    def __init__(self, device: CudaDevice, source: str) -> None:
        self.device = device
        self.at = c_void_p()
        ptx = ptx_of(respelled(source), device.architecture)
        refuse_fused(ptx, device.name)
        device.enter()
        call(device.driver, "cuModuleLoadData", byref(self.at), ptx.encode())

    def __del__(self) -> None:
        if self.at.value:
            self.device.driver.cuCtxSetCurrent(self.device.context)
            self.device.driver.cuModuleUnload(self.at)


class Kernel:
    """One function of a module, which it keeps alive."""

    def __init__(self, module: Module, name: str) -> None:
        self.module = module
        self.at = c_void_p()
        driver = module.device.driver
        module.device.enter()
        call(driver, "cuModuleGetFunction", byref(self.at), module.at, name.encode())


class Memory:
    """Some of the device's memory, given back when nothing holds it any more."""

    def __init__(self, device: CudaDevice, size: int) -> None:
        self.device = device
        self.at = c_uint64()  # 0 until the driver has given it
        call(device.driver, "cuMemAlloc_v2", byref(self.at), c_size_t(size))

    def __del__(self) -> None:
        if self.at.value:
            self.device.driver.cuCtxSetCurrent(self.device.context)
            self.device.driver.cuMemFree_v2(self.at)


@cache
def loaded() -> Library | None:
    """Load the driver and start it, or give None where there is none or it finds no GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    return None if driver.cuInit(0) else driver


def cuda_devices() -> Iterator[tuple[str, Callable[[], Accelerator]] | str]:
    """Every GPU with its name and how to open it, or what CUDA lacks."""
    driver = loaded()
    if driver is None:
        yield "CUDA finds no GPU"
        return
    if compiler() is None:
        yield "CUDA's driver is there, but not its compiler: set CUDA_PATH, or install NVRTC"
        return
    count = c_int()
    call(driver, "cuDeviceGetCount", byref(count))
    for number in range(count.value):
        yield name_of(driver, number), partial(CudaDevice, number)


def name_of(driver: Library, number: int) -> str:
    """Say interface, device and driver in a line; a device's number is its handle."""
    name, version = ctypes.create_string_buffer(256), c_int()
    call(driver, "cuDeviceGetName", name, c_int(256), c_int(number))
    call(driver, "cuDriverGetVersion", byref(version))
    release = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return f"CUDA / {name.value.decode()} / driver for CUDA {release}"


def attribute(driver: Library, number: int, which: int) -> int:
    value = c_int()
    call(driver, "cuDeviceGetAttribute", byref(value), c_int(which), c_int(number))
    return value.value


def call(driver: Library, function: str, *arguments: object) -> None:
    code = getattr(driver, function)(*arguments)
    if code:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(c_int(code), byref(text))
        raise DeviceRefused(f"{function} gave error {code}: {(text.value or b'').decode()}")
