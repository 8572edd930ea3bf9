"""The real app, all of it, as docker-compose.yml runs it; through nginx alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fusewire.wire import messages as m

from tests.support.peer import call, connected
from tests.topology.callers import client
from tests.topology.native import Topology

# The first test builds the page when nobody has yet.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def http(site: Topology) -> AsyncIterator[httpx.AsyncClient]:
    async with client(site.host) as opened:
        yield opened


async def test_the_page_loads_with_everything_it_names(http: httpx.AsyncClient) -> None:
    page = await http.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assets = set(re.findall(r"""(?:href=|src=|import\()"\.?(/[^"]+)\"""", page.text))
    assert {".js", ".css", ".svg"} <= {Path(asset).suffix for asset in assets}
    for asset in assets:
        assert (await http.get(asset)).status_code == 200, asset


async def test_a_page_is_sent_with_its_data(http: httpx.AsyncClient) -> None:
    assert "alice@example.com" in (await http.get("/team")).text


async def test_health(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readiness(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/ready")).status_code == 200


async def test_migrating_again_changes_nothing(site: Topology) -> None:
    site.run("migrate")


async def test_the_documents_of_the_api(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/openapi.json")).json()
    assert "/api/whoami" in document["paths"]
    page = await http.get("/api/docs")
    assert page.status_code == 200
    assert "/api/openapi.json" in page.text


async def test_the_anonymous_limit_counts_by_address_on_every_transport(site: Topology) -> None:
    spoofed = {"x-forwarded-for": "6.6.6.6"}
    async with client(site.host, address="127.0.0.61") as http:
        answers = [await http.get("/api/whoami", headers=spoofed if n % 2 else {}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["code"] == "RATE_LIMITED"
    assert int(answers[-1].headers["retry-after"]) > 0
    # The WebSocket of another address has a count of its own: 127.0.0.1, which nobody has used here.
    async with connected(site.host) as peer:
        await peer.send(*(call(n, "whoami") for n in range(1, 7)))
        kinds = [type(await peer.until(m.Result | m.Error)) for _ in range(6)]
    assert (kinds.count(m.Result), kinds.count(m.Error)) == (5, 1)


async def test_nothing_was_written_to_the_logs_that_asks_for_attention(site: Topology) -> None:
    for name in ("backend", "frontend"):
        assert "Traceback" not in site.log(name)
        assert "Error" not in site.log(name), site.log(name)


def test_the_backend_runs_as_many_workers_as_it_was_told(site: Topology) -> None:
    parent = site.processes["backend"].pid
    listed = subprocess.run(["pgrep", "-P", str(parent), "-f", "spawn_main"], check=True, capture_output=True)
    assert len(listed.stdout.split()) == 2
