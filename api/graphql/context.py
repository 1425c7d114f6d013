"""What resolvers work with: queries on threads of their own, within a request's budget.

Strawberry calls plain resolvers on the event loop, where one slow read would stop every client, so
all reads go to a small pool, and commands to another: a silent engine must not hold up readers.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from graphql import GraphQLError
from strawberry.fastapi import BaseContext

from api.graphql.limits import LARGEST_FIRST, MOST_ROWS
from application.engine_port import Command, CommandReply, EngineClient
from projections.database import QueryTooSlow, ViewsMissing, ViewsUnreadable
from projections.paging import BadQuery, Paging
from projections.queries import Queries

P = ParamSpec("P")
R = TypeVar("R")

READERS = 4
SENDERS = 4

CODES: dict[type[Exception], str] = {
    BadQuery: "BAD_QUERY",
    QueryTooSlow: "QUERY_TOO_SLOW",
    ViewsMissing: "VIEWS_MISSING",
    ViewsUnreadable: "VIEWS_UNREADABLE",
}


class Service:
    """What all requests share."""

    def __init__(self, queries: Queries, engine: EngineClient) -> None:
        self.queries = queries
        self.engine = engine
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self.senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="command")

    async def read(self, ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a query off the event loop; its own refusals become GraphQL errors with a code."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.readers, lambda: ask(*args, **kwargs))
        except tuple(CODES) as error:
            raise GraphQLError(str(error), extensions={"code": CODES[type(error)]}) from error

    async def send(self, command: Command) -> CommandReply:
        """Hand a command to the engine off the event loop. Raises EngineUnavailable."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.senders, self.engine.send, command)

    def close(self) -> None:
        """Let the threads end; the queries and the engine's client stay the caller's."""
        self.readers.shutdown(cancel_futures=True)
        self.senders.shutdown(wait=False, cancel_futures=True)


class Context(BaseContext):
    """One request: the shared service, and how many rows may still be asked for."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.queries = service.queries
        self.read = service.read
        self.rows_left = MOST_ROWS

    def paging(self, first: int, after: str | None, newest: bool = False) -> Paging:
        """Take a page's rows from the budget. Raises GraphQLError."""
        if not 1 <= first <= LARGEST_FIRST:
            raise refused(f"first was {first}, must be 1-{LARGEST_FIRST}")
        self.spend(first)
        return Paging(first=first, after=after, newest=newest)

    def spend(self, rows: int) -> None:
        """Take rows from the budget. Raises GraphQLError when there is too little left."""
        self.rows_left -= rows
        if self.rows_left < 0:
            raise refused(f"the request asked for over {MOST_ROWS} rows in all, ask for less")


def refused(message: str) -> GraphQLError:
    """Make the error of a request that asks for what is not allowed."""
    return GraphQLError(message, extensions={"code": "BAD_QUERY"})
