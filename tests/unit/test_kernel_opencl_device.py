"""Which devices are trusted with kernels, and what keeps a compiler from changing their bits."""

import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyopencl as cl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.backends import opencl_choice, opencl_device
from kernels.backends.cuda_compiler import ptx_of
from kernels.backends.cuda_ptx import fused, refuse_fused
from kernels.backends.opencl_accelerator import PROGRAMS, Accelerator, DeviceRefused, Programs
from kernels.backends.opencl_device import OpenClDevice
from kernels.backends.opencl_probe import examine, operators
from kernels.printers import cuda, opencl
from kernels.printers.opencl_kernels import print_step, print_unit
from tests.kernel_runs import STRATEGIES, program_of

PRAGMA = "#pragma OPENCL FP_CONTRACT OFF"


@pytest.fixture(scope="module")
def listed() -> cl.Device:
    found = opencl_device.opencl_devices()
    if not found:
        pytest.skip(f"no OpenCL device: {opencl_choice.ADVICE}")
    return found[0]


@pytest.fixture(scope="module")
def small() -> str:
    step = operators()
    return print_unit(step.shared[0], step.columns, step.candles)


# Sources


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda p: p.stem)
def test_source_when_printed_then_begins_with_doubles_on_and_contraction_off(path: Path) -> None:
    step = program_of(path).run_step
    for source in (print_step(step), print_unit(step.shared[0], step.columns, step.candles)):
        assert source.startswith(opencl.PRELUDE)
        assert PRAGMA in opencl.PRELUDE
        assert "cl_khr_fp64 : enable" in opencl.PRELUDE
        words = set(source.replace("(", " ").split())
        assert not words & {"fma", "mad", "fmin", "fmax", "min", "max", "pow", "exp", "log"}


@given(value=st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True))
def test_literal_when_spelled_then_reads_back_as_the_same_bits(value: float) -> None:
    spelled = opencl.number(value).strip("()")
    read = float.fromhex(spelled) if "0x" in spelled else float(spelled)
    assert np.float64(read).view(np.int64) == np.float64(value).view(np.int64)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_literal_when_no_number_then_is_spelled_by_its_bits(value: float) -> None:
    digits = opencl.number(value).removeprefix("as_double(").removesuffix("UL)")
    assert np.uint64(int(digits, 16)) == np.float64(value).view(np.uint64)


@pytest.mark.parametrize(
    "option",
    [
        "-cl-fast-relaxed-math",
        "-cl-mad-enable",
        "-cl-unsafe-math-optimizations",
        "-cl-opt-disable",
        "-cl-denorms-are-zero",
        "-D N=1",
        "-cl-std=CL1.2 -cl-mad-enable",
        "",
    ],
)
def test_build_when_given_an_option_but_the_standard_then_refuses_it(
    option: str, listed: cl.Device, small: str
) -> None:
    with pytest.raises(ValueError, match=r"build option was .*, must be -cl-std=… alone"):
        OpenClDevice(listed).built(small, (opencl_device.STANDARD, option))


@pytest.mark.parametrize("variable", opencl_device.MEDDLERS)
def test_build_when_the_environment_adds_options_then_refuses_it(
    variable: str, listed: cl.Device, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, variable, "-cl-mad-enable")
    with pytest.raises(ValueError, match=f"{variable} was '-cl-mad-enable', must be unset"):
        OpenClDevice(listed).kernel(small, "fill_rows")


def test_binary_when_cut_short_in_the_cache_then_is_built_again(
    listed: cl.Device, small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERPETUA_CACHE", str(tmp_path))
    OpenClDevice(listed, remembers=False).kernel(small, "fill_rows")
    (kept,) = tmp_path.rglob("opencl_*.bin")
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2])
    OpenClDevice(listed, remembers=False).kernel(small, "fill_rows")
    assert len(kept.read_bytes()) > len(content) // 2
    examine(OpenClDevice(listed, remembers=False))


# Examination


LIES: dict[str, Callable[[str], str]] = {
    "contracts": lambda source: source.replace(PRAGMA, PRAGMA.replace("OFF", "ON")),
    "rounds up": lambda source: source.replace("floor(", "ceil("),
    "takes the larger": lambda source: source.replace("closed = ", "closed = 0.0 * "),
}


def test_device_when_honest_then_passes(listed: cl.Device) -> None:
    examine(OpenClDevice(listed))


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_device_when_it_computes_otherwise_then_is_turned_off_by_name(
    lie: Callable[[str], str], listed: cl.Device
) -> None:
    with pytest.raises(DeviceRefused) as refusal:
        examine(OpenClDevice(listed, lie))
    said = str(refusal.value)
    assert listed.name.strip() in said
    assert f"driver {listed.driver_version}" in said
    assert "is turned off" in said


def opened(device: cl.Device, respell: Callable[[str], str]) -> Accelerator:
    return OpenClDevice(device, respell)


def test_choice_when_the_first_device_builds_nothing_then_takes_the_next_and_warns(
    listed: cl.Device,
) -> None:
    broken = ("broken", partial(opened, listed, lambda source: source + "}"))
    sound = ("sound", partial(opened, listed, opencl_device.as_printed))
    with pytest.warns(opencl_choice.TurnedOff, match="could not build a kernel"):
        chosen = opencl_choice.first_sound(["CUDA finds no GPU", broken, sound])
    assert chosen.name == opencl_device.name_of(listed)


def test_choice_when_no_device_passes_then_says_what_was_tried_and_what_is_missing(
    listed: cl.Device,
) -> None:
    lying = ("lying", partial(opened, listed, LIES["rounds up"]))
    with (
        pytest.warns(opencl_choice.TurnedOff),
        pytest.raises(opencl_choice.NoDevice) as refusal,
    ):
        opencl_choice.first_sound(["CUDA finds no GPU", lying])
    for part in ("CUDA finds no GPU", "floor x", listed.name.strip(), "OCL_ICD_VENDORS"):
        assert part in str(refusal.value)


def test_choice_when_another_device_is_asked_for_then_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(opencl_choice.WANTED, "Voodoo")

    def never() -> Accelerator:
        raise AssertionError("a device that was not asked for was opened")

    with pytest.raises(opencl_choice.NoDevice, match=r"Rage is not the device .*'Voodoo' asks for"):
        opencl_choice.first_sound([("Rage", never)])


# NVIDIA

ROUNDED = """
.version 8.8
.target sm_90
	mul.rn.f64 	%fd5, %fd1, %fd2;
	@%p1 add.rn.f64 	%fd6, %fd5, %fd3;
{ sub.rn.f64 %fd7, %fd6, %fd3; }
	div.rn.f64 	%fd8, %fd7, %fd2; sqrt.rn.f64 %fd9, %fd8;
	abs.f64 	%fd10, %fd9;
	neg.f64 	%fd11, %fd10;
	cvt.rmi.f64.f64 	%fd12, %fd11;
	setp.lt.f64 	%p2, %fd1, %fd2;
	selp.f64 	%fd13, %fd1, %fd2, %p2;
	mov.f64 	%fd14, 0d3FF0000000000000;
	fma.rn.f32 	%f1, %f2, %f3, %f4;
	mul.f32 	%f1, %f2, %f3;
	mad.lo.s64 	%rd1, %rd2, %rd3, %rd4;
	// fma.rn.f64 %fd1, %fd2, %fd3, %fd4;
	/* mul.f64 %fd1,
	%fd2, %fd3; add.f64 %fd1, %fd2, %fd3; */
"""


def test_ptx_when_every_operation_is_rounded_once_then_nothing_is_found() -> None:
    assert fused(ROUNDED) == []
    refuse_fused(ROUNDED, "H")


@pytest.mark.parametrize(
    "line",
    [
        "fma.rn.f64 \t%fd4, %fd1, %fd2, %fd3",
        "@%p3 fma.rn.f64 %fd4, %fd1, %fd2, %fd3",
        "@!%p3 mul.f64 %fd4, %fd1, %fd2",
        "mul.f64 \t%fd4, %fd1, %fd2",
        "add.f64 %fd4, %fd1, %fd2",
        "sub.f64 %fd4, %fd1, %fd2",
        "mad.rn.f64 %fd4, %fd1, %fd2, %fd3",
        "mul.rz.f64 %fd4, %fd1, %fd2",
        "rcp.approx.ftz.f64 %fd4, %fd1",
        "div.approx.f64 %fd4, %fd1, %fd2",
        "sqrt.approx.f64 %fd4, %fd1",
        "{fma.rn.f64 %fd4, %fd1, %fd2, %fd3",
        "$L__BB0_2: fma.rn.f64 %fd4, %fd1, %fd2, %fd3",
    ],
)
def test_ptx_when_an_operation_may_be_fused_then_it_is_named_with_its_line(line: str) -> None:
    text = f"{ROUNDED}\t{line};\n"
    assert fused(text) == [f"line {len(ROUNDED.splitlines()) + 1}: {line}"]
    with pytest.raises(DeviceRefused, match=r"H: its compiler made 1 float64 operations that"):
        refuse_fused(text, "H")


def test_cuda_when_respelled_then_keeps_the_kernels_and_forbids_fusing(small: str) -> None:
    respelled = cuda.respelled(small)
    assert respelled.removeprefix(cuda.PRELUDE) == small.removeprefix(opencl.PRELUDE)
    assert "#pragma" not in respelled
    assert "--fmad=false" in cuda.OPTIONS


def test_cuda_when_text_is_not_ours_then_refuses_it() -> None:
    with pytest.raises(ValueError, match="must begin with OpenCL's prelude"):
        cuda.respelled("__kernel void f() {}")


def test_cuda_when_compiled_then_gives_ptx_without_fused_operations_or_says_what_is_missing(
    small: str,
) -> None:
    source = cuda.respelled(small)
    try:
        ptx = ptx_of(source, "compute_90")
    except DeviceRefused as missing:
        assert "NVRTC is not installed" in str(missing)  # noqa: PT017  (a machine without CUDA)
    else:
        assert fused(ptx) == []
        assert fused(ptx_of(source, "compute_90", ("--fmad=true",)))


def test_programs_when_there_are_too_many_then_those_unused_for_longest_go() -> None:
    programs = Programs()
    made: list[str] = []

    def build(source: str) -> str:
        made.append(source)
        return source.upper()

    names = [f"p{n}" for n in range(PROGRAMS)]
    for name in [*names, "p0", "new", "p0", "p1"]:
        assert programs.of(name, build) == name.upper()
    assert made == [*names, "new", "p1"]
    assert len(programs) == PROGRAMS
