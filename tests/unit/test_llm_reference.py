"""What a model is told of the language is true, whole, and without limits to reach for."""

import re

from application.improvement.model import reference
from kernels import dtypes, language
from kernels.frontend import bounds, library
from kernels.program import compile_strategy

TEXT = reference.language()


def test_reference_when_read_then_every_word_of_the_language_is_in_it() -> None:
    for word in language.__all__:
        assert re.search(rf"\b{word}\b", TEXT), word


def test_reference_when_read_then_every_function_stands_with_its_arguments() -> None:
    for name in library.indicators():
        assert f"\n{name}({', '.join(library.functions()[name].arguments)}): " in TEXT


def test_reference_when_read_then_its_example_compiles() -> None:
    (example,) = re.findall(r'A whole file:\n\n(""".*?)\nOrder:', TEXT, re.DOTALL)

    assert compile_strategy(example, "example").timeframe == "15m"


def test_reference_when_read_then_methods_and_bounds_are_those_of_the_kernel() -> None:
    assert all(f'"{method}"' in TEXT for method in dtypes.SIZING)
    assert f"0 to {bounds.MAX_LOOKBACK}" in TEXT
    assert f'sizing("{dtypes.SIZING[dtypes.MARGIN_OF_EQUITY]}", {dtypes.MARGIN_SHARE})' in TEXT


def test_reference_when_read_then_it_fits_and_holds_no_place_left_open() -> None:
    assert len(TEXT.encode()) < 16_000
    assert "{" not in TEXT
