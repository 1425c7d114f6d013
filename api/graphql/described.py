"""Fields with a description, typed: strawberry's own decorator with arguments is not."""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast

import strawberry

P = ParamSpec("P")
R = TypeVar("R")


class Decorator(Protocol):
    def __call__(self, method: Callable[P, R], /) -> Callable[P, R]: ...


def field(description: str) -> Decorator:
    """Make a method a field of its type, with this description in the schema."""
    return cast(Decorator, strawberry.field(description=description))


def mutation(description: str) -> Decorator:
    """Make a method a mutation, with this description in the schema."""
    return cast(Decorator, strawberry.mutation(description=description))
