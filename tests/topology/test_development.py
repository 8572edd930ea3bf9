"""docker-compose.dev.yml: Vite and the reloading backend behind the same nginx configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import websockets

from tests.support.peer import connected
from tests.topology.callers import client
from tests.topology.compose import DEVELOPMENT, load
from tests.topology.conftest import ENVIRONMENT, TEST_APP
from tests.topology.native import PORTS, Topology


@pytest.fixture(scope="module")
def developed() -> dict[str, Any]:
    return load(DEVELOPMENT, ENVIRONMENT)


@pytest.fixture(scope="module")
def workshop(
    developed: dict[str, Any], servers: Topology, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Topology]:
    folder = tmp_path_factory.mktemp("workshop")
    topology = Topology(
        developed,
        folder,
        application=TEST_APP,
        shared=servers,
        container_ports=PORTS | {"frontend": 5173},
    )
    try:
        topology.start("backend", TOPOLOGY_FOLDER=str(folder))
        topology.start("frontend")
        topology.start("nginx")
        yield topology
    finally:
        topology.stop()


async def test_the_page_and_the_api_have_one_origin(workshop: Topology) -> None:
    async with client(workshop.host) as http:
        page = await http.get("/", headers={"accept": "text/html"})
        assert page.status_code == 200
        assert "<!doctype html>" in page.text
        assert (await http.get("/@vite/client")).status_code == 200
        assert (await http.get("/api/health")).json() == {"status": "ok"}
    async with connected(workshop.host):
        pass


async def test_vites_socket_for_hot_reload_passes(workshop: Topology) -> None:
    page = f"http://{workshop.host}"
    async with client(workshop.host) as http:
        script = (await http.get("/@vite/client")).text
    token = script.partition('wsToken = "')[2].partition('"')[0]
    async with websockets.connect(
        f"ws://{workshop.host}/?token={token}",
        subprotocols=[websockets.Subprotocol("vite-hmr")],
        origin=websockets.Origin(page),
    ) as socket:
        assert json.loads(await socket.recv()) == {"type": "connected"}
