"""The HTTP face: `/graphql`, `/health`, and a page at `/`.

Only for the loopback interface until there are tokens: whoever reaches the port may command. A page
from elsewhere in a browser may not: commands need a JSON body, which no other origin is allowed to
send, and a host name that is not this machine's own is refused, whatever address it resolves to.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from graphql import GraphQLError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from strawberry.fastapi import GraphQLRouter

from api.body_limit import BodyLimit
from api.graphql.context import Context, Service
from api.graphql.limits import LARGEST_BODY
from api.graphql.schema import schema
from api.page import PAGE
from application.engine_port import EngineClient
from projections.queries import Queries

LOADING = (
    "Loading scripts from unpkg.com … Without the internet they do not come:"
    ' ask <a href="/">here</a> instead.'
)
LOOPBACK = ("localhost", "127.0.0.1")


def create_app(
    queries: Queries, engine: EngineClient, *, hosts: Sequence[str] = LOOPBACK
) -> FastAPI:
    """Build the application over queries that know the log; they stay the caller's to close.

    `hosts` are the names it may be reached by, `*` any.
    """
    service = Service(queries, engine)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            service.close()

    app = FastAPI(title="Perpetua", lifespan=running, docs_url=None, redoc_url=None)
    app.state.service = service
    app.add_middleware(BodyLimit, most=LARGEST_BODY)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_api_route("/", landing, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/health", health, response_model=None)
    app.include_router(graphql_router(service), prefix="/graphql")
    return app


class Router(GraphQLRouter[Context, None]):
    """Serves GraphiQL, whose page says where to go when its scripts do not come."""

    @property
    def graphql_ide_html(self) -> str:
        return super().graphql_ide_html.replace("Loading...", LOADING)


def graphql_router(service: Service) -> Router:
    def context() -> Context:
        return Context(service)

    return Router(schema(), context_getter=context, subscription_protocols=())


async def landing() -> HTMLResponse:
    return HTMLResponse(PAGE)


async def health(request: Request) -> JSONResponse:
    """Tell whether the read models can be read, and how far they are behind the log."""
    service: Service = request.app.state.service
    try:
        status = await service.read(service.queries.status)
    except GraphQLError as error:
        return JSONResponse({"ok": False, "error": error.message}, 503)
    return JSONResponse(
        {
            "ok": True,
            "position": status.position,
            "head": status.head,
            "lag": status.lag,
            "feed": status.feed,
        }
    )
