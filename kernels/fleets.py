"""The backends that step fleets, by name, and the best of them on this machine.

A backend is imported when it is asked for: OpenCL may be missing where nobody wants it.
"""

from collections.abc import Callable

from kernels.backends.fleet import Fleet, Muster
from kernels.backends.scalar import ScalarFleet
from kernels.errors import UnknownBackend

AUTO = "auto"


def numba(muster: Muster, threads: int) -> Fleet:
    """Accounts on the processor, one after another: the reference."""
    return ScalarFleet(muster, threads)


def lanes(muster: Muster, threads: int) -> Fleet:
    """Accounts on the processor, eight at once."""
    from kernels.backends.lanes import LanesFleet

    return LanesFleet(muster, threads)


def opencl(muster: Muster, threads: int) -> Fleet:
    """Accounts on the device chosen, as many at once as it takes. Raises NoDevice."""
    from kernels.backends import opencl_choice

    return opencl_choice.fleet(muster, threads)


FLEETS: dict[str, Callable[[Muster, int], Fleet]] = {
    "numba": numba,
    "lanes": lanes,
    "opencl": opencl,
}


def resolved(backend: str) -> str:
    """Give the backend's name, `auto` put into what is best here; raises UnknownBackend.

    Best is a GPU that passed its examination, else the processor's vectors.
    """
    if backend == AUTO:
        from kernels.backends import opencl_choice

        return "opencl" if opencl_choice.has_gpu() else "lanes"
    if backend not in FLEETS:
        names = ", ".join((AUTO, *FLEETS))
        raise UnknownBackend(f"backend was {backend!r}, must be one of: {names}")
    return backend
