"""Which of the kernel's backends a command runs on."""

from typing import Annotated, Literal

import typer

Backend = Literal["numba", "lanes", "opencl"]

BackendOption = Annotated[
    Backend, typer.Option("--backend", help="What runs the kernel; the bits are the same.")
]
