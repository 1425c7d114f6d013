"""The HTTP face around GraphQL: pages, health, and requests from where they must not come."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.graphql.limits import LARGEST_BODY
from projections.queries import Queries
from tests.event_samples import history
from tests.fakes import MemoryLog, ScriptedEngine
from tests.integration.test_api_graphql import ACCEPTED, Api, serving
from tests.view_tables import projected

LOG = MemoryLog(history(41, 30))
PAUSE = 'mutation { pauseStrategy(strategy: "x") { accepted } }'
ENGINE = ScriptedEngine({"pause": ACCEPTED})


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    path: Path = tmp_path_factory.mktemp("http") / "views.db"
    projected(LOG, path)
    with Queries(path, LOG) as queries, serving(queries, ENGINE) as client:
        yield client


def test_health_when_views_are_current_then_ok_with_position_and_lag(api: Api) -> None:
    response = api.http.get("/health")
    assert response.status_code == 200
    assert response.json() == {
        "ok": True,
        "position": LOG.head(),
        "head": LOG.head(),
        "lag": 0,
        "feed": "synthetic",
    }


def test_landing_when_opened_then_it_needs_nothing_from_elsewhere(api: Api) -> None:
    page = api.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert 'href="/graphql"' in page.text
    assert not re.findall(r"""(?:src|href)=["']?https?:""", page.text)


def test_landing_when_its_example_is_asked_then_it_is_answered(api: Api) -> None:
    example = re.search(r"<textarea[^>]*>(.*?)</textarea>", api.http.get("/").text, re.DOTALL)
    assert example is not None
    assert api.ask(example[1])["status"]["position"] == LOG.head()


def test_graphiql_when_opened_in_a_browser_then_its_page(api: Api) -> None:
    page = api.http.get("/graphql", headers={"accept": "text/html"})
    assert 'ask <a href="/">here</a> instead' in page.text  # what is left where scripts fail
    assert page.status_code == 200
    assert "GraphiQL" in page.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 400),  # what a form elsewhere may send
        ({"content-type": "application/x-www-form-urlencoded"}, 400),
        ({"content-type": "multipart/form-data; boundary=x"}, 400),
        ({"content-type": "application/json", "host": "evil.example"}, 400),  # a rebound name
    ],
)
def test_command_when_sent_as_another_origin_could_then_refused(
    api: Api, headers: dict[str, str], status: int
) -> None:
    before = len(ENGINE.asked)
    body = json.dumps({"query": PAUSE})
    response = api.http.post("/graphql", content=body, headers=headers)
    assert response.status_code == status
    assert len(ENGINE.asked) == before


def test_command_when_sent_by_get_then_refused(api: Api) -> None:
    before = len(ENGINE.asked)
    response = api.http.get("/graphql", params={"query": PAUSE})
    assert response.status_code == 400
    assert len(ENGINE.asked) == before


def test_preflight_when_another_origin_asks_then_nothing_is_allowed(api: Api) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    response = api.http.options("/graphql", headers=asked)
    assert "access-control-allow-origin" not in response.headers


def test_body_when_too_large_then_refused_however_it_is_sent(api: Api) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // 1000 + 1):
            yield b" " * 1000

    headers, large = {"content-type": "application/json"}, b" " * (LARGEST_BODY + 1)
    assert api.http.post("/graphql", content=large, headers=headers).status_code == 413
    assert api.http.post("/graphql", content=pieces(), headers=headers).status_code == 413


def test_body_when_it_is_no_json_then_refused(api: Api) -> None:
    headers = {"content-type": "application/json"}
    assert api.http.post("/graphql", content=b"{", headers=headers).status_code == 400
    batch = b'[{"query": "{ status { feed } }"}]'
    assert api.http.post("/graphql", content=batch, headers=headers).status_code == 400


def test_body_when_sent_in_pieces_then_whole(api: Api) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"query": "{ status'
        yield b' { feed } }"}'

    headers = {"content-type": "application/json"}
    response = api.http.post("/graphql", content=pieces(), headers=headers)
    assert response.json() == {"data": {"status": {"feed": "synthetic"}}}
