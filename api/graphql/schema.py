"""The schema: queries, mutations, and the limits that hold for both."""

from collections.abc import Sequence

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.extensions import MaskErrors
from strawberry.types import ExecutionContext

from api.graphql.limits import extensions
from api.graphql.mutation import Mutation
from api.graphql.query import Query
from api.graphql.scalars import CONFIG

log = structlog.get_logger(__name__)


def unexpected(error: GraphQLError) -> bool:
    """Tell a fault of the program from a refusal that its caller should read."""
    cause = error.original_error
    return cause is not None and not isinstance(cause, GraphQLError)


class PerpetuaSchema(strawberry.Schema):
    """Logs faults with their cause, and leaves the caller's own mistakes out of the log."""

    def process_errors(
        self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        for error in errors:
            if unexpected(error):
                log.error("graphql_fault", path=error.path, exc_info=error.original_error)


def schema() -> PerpetuaSchema:
    """Build the schema."""
    return PerpetuaSchema(
        query=Query,
        mutation=Mutation,
        config=CONFIG,
        extensions=[
            *extensions(),
            lambda: MaskErrors(unexpected, "The server failed; its log says why."),
        ],
    )
