"""Workers that die, services that stop, and what a caller notices of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.support.nginx import NginxServer
from tests.support.peer import Peer, connected
from tests.topology.callers import called, client, on_both_workers
from tests.topology.compose import seconds
from tests.topology.conftest import StartGateway
from tests.topology.native import Topology, until


async def test_a_killed_worker_takes_only_its_own_connections_along(gateway: Topology) -> None:
    async with on_both_workers(gateway) as peers:
        (killed, cut), (survivor, kept) = peers.items()
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(websockets.ConnectionClosedError, match="no close frame"):
            await cut.next()
        assert await called(kept, "worker") == survivor
    async with client(gateway.host) as http:
        for _ in range(20):
            assert (await http.post("/api/length", json={"words": "abc"})).status_code == 200
    # A new one takes its place.
    async with on_both_workers(gateway) as peers:
        assert killed not in peers


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_call_that_kills_its_worker_is_not_sent_again(gateway: Topology, method: str) -> None:
    mark = uuid.uuid4().hex
    async with client(gateway.host) as http:
        # Twice over one connection of the client: nginx has upstream connections to reuse.
        assert (await http.post("/api/length", json={"words": "abc"})).status_code == 200
        arguments: dict[str, Any] = (
            {"params": {"mark": mark}} if method == "GET" else {"json": {"mark": mark}}
        )
        answer = await http.request(method, "/api/die", **arguments)
    assert (answer.status_code, answer.json()["code"]) == (502, "HTTP_502")
    assert (gateway.folder / mark).read_text() == "once\n"


async def test_stopping_the_backend_lets_calls_finish_and_starting_it_again_is_noticed(
    start_gateway: StartGateway,
) -> None:
    gateway = await asyncio.to_thread(start_gateway)
    gate = gateway.folder / uuid.uuid4().hex
    backend = gateway.processes["backend"]
    async with client(gateway.host) as http, connected(gateway.host) as peer:
        async with asyncio.TaskGroup() as tasks:
            slow = tasks.create_task(http.post("/api/slow", json={"gate": gate.name}))
            await asyncio.to_thread(until, gate.with_suffix(".began").exists, "the call has begun")
            backend.signal(signal.SIGTERM)
            code = await closed_by(peer)
            assert code in range(1000, 4500), "the client is told to come again"
            assert not slow.done()
            gate.touch()
        assert (slow.result().status_code, slow.result().json()) == (200, "done")
        assert await asyncio.to_thread(backend.wait, seconds("40s")) in (0, -signal.SIGTERM)

        answer = await http.post("/api/worker")
        assert (answer.status_code, answer.json()["code"]) == (502, "HTTP_502")
        await asyncio.to_thread(gateway.start, "backend", TOPOLOGY_FOLDER=str(gateway.folder))
        assert (await http.post("/api/worker")).status_code == 200


async def closed_by(peer: Peer) -> int:
    code, _ = await peer.close_code()
    return code


@pytest.fixture
def second_nginx(gateway: Topology) -> Iterator[NginxServer]:
    with NginxServer(gateway.environment("nginx"), command=gateway.command("nginx")) as server:
        yield server


async def test_stopping_nginx_lets_calls_finish(gateway: Topology, second_nginx: NginxServer) -> None:
    gate = gateway.folder / uuid.uuid4().hex
    async with client(second_nginx.host) as http, asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(http.post("/api/slow", json={"gate": gate.name}))
        await asyncio.to_thread(until, gate.with_suffix(".began").exists, "the call has begun")
        stopping = tasks.create_task(asyncio.to_thread(second_nginx.stop))
        await asyncio.to_thread(until, lambda: not listens(second_nginx.port), "nginx takes nobody new")
        assert not slow.done()
        assert not stopping.done()
        gate.touch()
    assert (slow.result().status_code, slow.result().json()) == (200, "done")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("settings", [{"BACKEND": "a:1;} evil"}, {"TRUSTED_PROXIES": "10.0.0.0/8;"}])
def test_a_setting_cannot_bring_configuration_along(settings: dict[str, str]) -> None:
    server = NginxServer({"BACKEND": "127.0.0.1:1", "FRONTEND": "127.0.0.1:1", **settings})
    with pytest.raises(RuntimeError, match="cannot use the value"), server:
        pytest.fail("it started")


def test_an_upstream_that_has_no_address_yet_does_not_stop_nginx_from_starting() -> None:
    with NginxServer({"BACKEND": "backend.invalid:8000", "FRONTEND": "frontend.invalid:3000"}) as server:
        assert httpx.get(f"http://{server.host}/api/health").status_code == 502


def test_the_wheels_programs_can_be_copied_to_where_nobody_can_read(tmp_path: Path) -> None:
    """A checkout below /root."""
    from tests.support.postgres import reachable

    programs = tmp_path / "private" / "package" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").touch()
    (tmp_path / "private" / "package.libs").mkdir()
    (tmp_path / "private").chmod(0o700)
    copies = tmp_path / "copies"
    assert reachable(programs, copies) == copies / "package" / "pginstall" / "bin"
    assert (copies / "package" / "pginstall" / "bin" / "initdb").exists()
    assert (copies / "package.libs").exists()
