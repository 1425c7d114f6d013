"""Turn what the queries give into what GraphQL shows, by the names of the fields."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

from msgspec import Struct
from strawberry.types.base import has_object_definition

from api.graphql import types
from api.graphql.scalars import Instant, instant
from domain.gate import GateVerdict
from projections.models import EventView, Page, cursor_of

Shown = TypeVar("Shown")
Item = TypeVar("Item", bound=Struct)


def shown(kind: type[Shown], item: Struct, **computed: Any) -> Shown:
    """Make a GraphQL object of the item's fields of the same names, times as `Instant`."""
    values = {
        name: make(getattr(item, name))
        for name, make in makers(cast(Any, kind))
        if name not in computed
    }
    return kind(**values, **computed)


@cache
def makers(kind: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((name, maker(hint)) for name, hint in get_type_hints(kind).items())


def maker(hint: Any) -> Callable[[Any], Any]:
    meant = (hint, *get_args(hint))
    if Instant in meant:
        return instant
    if types.Verdict in meant:
        return verdict
    within = next((each for each in meant if has_object_definition(each)), None)
    return unchanged if within is None else nested(within)


def nested(kind: Any) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        if isinstance(value, tuple):
            return [shown(kind, each) for each in value]
        return None if value is None else shown(kind, value)

    return make


def unchanged(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def verdict(given: GateVerdict | None) -> types.Verdict | None:
    """Show the gate's answer in full."""
    if given is None:
        return None
    failures = [shown(types.GateFailure, failure) for failure in given.failures]
    return shown(types.Verdict, given, failures=failures)


def event(item: EventView) -> types.LogEvent:
    """Show an event; the log's clock has µs, of which GraphQL shows the ms."""
    return shown(types.LogEvent, item, recorded_at=instant(item.recorded_at // 1000))


def connection(page: Page[Item], show: Callable[[Item], Shown]) -> types.Connection[Shown]:
    """Show a page, with the cursor of each item."""
    nodes = [show(item) for item in page.items]
    edges = [
        types.Edge(cursor=cursor_of(item), node=node)
        for item, node in zip(page.items, nodes, strict=True)
    ]
    info = types.PageInfo(has_next_page=page.more, end_cursor=page.cursor)
    return types.Connection(nodes=nodes, edges=edges, page_info=info)
