"""Which device the kernels run on: the first that passes its examination, once per process.

A driver may list a device for which every build fails, or one whose compiler rounds otherwise; so a
device is chosen by building and running a small program on it and comparing bits with numba, never
by listing. GPUs come first, through OpenCL or else through CUDA, then what else OpenCL offers. A
device that fails is turned off with a warning that says why. pyopencl is imported when a device is
first asked for: a machine without OpenCL runs everything else.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from kernels.backends.cuda_device import cuda_devices
from kernels.backends.fleet import Muster
from kernels.backends.machine import Array
from kernels.backends.opencl import OpenClMachine
from kernels.backends.opencl_accelerator import Accelerator, DeviceRefused
from kernels.backends.opencl_fleet import OpenClFleet
from kernels.backends.opencl_joint import OpenClJoint
from kernels.errors import UnknownBackend
from kernels.joint import JointStep
from kernels.stages import Step

WANTED = "PERPETUA_DEVICE"  # part of the name of the device to use
ADVICE = (
    "install an OpenCL driver (Debian: pocl-opencl-icd for the processor), or point OCL_ICD_VENDORS"
    " at a directory with an .icd file that holds the path of the driver's library"
    " (NVIDIA: libnvidia-opencl.so.1)"
)


class NoDevice(UnknownBackend):
    """No device can run the kernels: what was tried, and what is missing."""


class TurnedOff(RuntimeWarning):
    """A device was turned off."""


Found = tuple[str, Callable[[], Accelerator]]  # a device's name, and how to open it


def machine(step: Step, constants: Array, desk: Array) -> OpenClMachine:
    """Accounts of one version on the chosen device; raises NoDevice."""
    return OpenClMachine(chosen(), step, constants, desk)


def joint(step: JointStep, constants: Array, desk: Array, symbols: int) -> OpenClJoint:
    """Accounts of one version on several symbols, on the chosen device; raises NoDevice."""
    return OpenClJoint(chosen(), step, constants, desk, symbols)


def fleet(muster: Muster, threads: int = 1) -> OpenClFleet:
    """A sweep's accounts on the chosen device; raises NoDevice, ValueError if they do not fit.

    `threads` is not asked: a device has its own.
    """
    return OpenClFleet(chosen(), muster)


def has_gpu() -> bool:
    """Say whether a GPU is there and passed its examination; none is examined if none is there."""
    if not any(gpus()):
        return False
    try:
        return chosen().is_gpu
    except NoDevice:
        return False


@cache
def chosen() -> Accelerator:
    """Give the first device that passes; raises NoDevice naming what was tried."""
    return first_sound(listed())


def first_sound(devices: Iterable[Found | str]) -> Accelerator:
    """Examine devices in order, and give the first that passes.

    A string among them says why a kind of device is not there. Raises NoDevice.
    """
    wanted = os.environ.get(WANTED, "")
    tried: list[str] = []
    for found in devices:
        if isinstance(found, str):
            tried.append(found)
        elif wanted.lower() not in found[0].lower():
            tried.append(f"{found[0]} is not the device that {WANTED}={wanted!r} asks for")
        else:
            try:
                return sound(found[1])
            except DeviceRefused as refusal:
                warnings.warn(str(refusal), TurnedOff, stacklevel=2)
                tried.append(str(refusal))
    raise NoDevice(
        "; ".join(["backend was 'opencl', which no device here can run", *tried, ADVICE])
    )


def sound(opened: Callable[[], Accelerator]) -> Accelerator:
    """Open a device and examine it; raises DeviceRefused."""
    from kernels.backends.opencl_probe import examine  # a strategy: compiled by what chose us

    on = opened()
    examine(on)
    return on


def listed() -> Iterator[Found | str]:
    """Every device of this machine, GPUs first, and what is missing."""
    yield from through_opencl(gpu=True)
    yield from cuda_devices()
    yield from through_opencl(gpu=False)


def gpus() -> Iterator[Found]:
    found = (*through_opencl(gpu=True), *cuda_devices())
    yield from (device for device in found if not isinstance(device, str))


def through_opencl(gpu: bool) -> Iterator[Found | str]:
    try:
        from kernels.backends import opencl_device
    except ImportError as error:
        if gpu:
            yield f"pyopencl cannot be imported ({error})"
        return
    devices = [d for d in opencl_device.opencl_devices() if opencl_device.is_gpu(d) == gpu]
    if not devices:
        yield f"OpenCL finds no {'GPU' if gpu else 'processor'}"
    yield from (opencl_device.found(device) for device in devices)
