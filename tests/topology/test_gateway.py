"""What only shows behind nginx and on several workers, with a small app, the shipped configuration and the shipped command."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import websockets
from fusewire.transports.websocket import SUBPROTOCOL
from fusewire.wire import messages as m

from tests.support.nginx import NginxServer
from tests.support.peer import Peer, call, connected
from tests.topology.callers import call_ids, called, client, on_both_workers, settled
from tests.topology.native import Topology, until


@pytest.fixture
async def http(gateway: Topology) -> AsyncIterator[httpx.AsyncClient]:
    async with client(gateway.host) as opened:
        yield opened


# ---- calls ----


async def test_health_and_readiness(gateway: Topology, http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/health")).json() == {"status": "ok"}
    assert (await http.get("/api/ready")).json() == {"status": "ready"}


async def test_not_ready_is_told_and_is_not_healthy(gateway: Topology, http: httpx.AsyncClient) -> None:
    flag = gateway.folder / "not-ready"
    flag.touch()
    try:
        answer = await http.get("/api/ready")
        healthy = await asyncio.to_thread(lambda: [gateway.healthy(name) for name in ("backend", "nginx")])
    finally:
        flag.unlink()
    # The app's own answer, not the gateway's.
    assert (answer.status_code, answer.json()["detail"]) == (503, "told not to be")
    assert healthy == [False, False]


async def test_a_call_over_http(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/length", json={"words": "héllo"})
    assert (answer.status_code, answer.json()) == (200, 5)


async def test_a_call_over_a_websocket(gateway: Topology) -> None:
    async with connected(gateway.host) as peer:
        assert await called(peer, "length", "héllo") == 5


async def test_a_body_of_one_mebibyte_passes_and_a_larger_one_is_refused_in_the_one_error_shape(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.post("/api/length", json={"words": "x" * 1_000_000})).json() == 1_000_000
    answer = await http.post("/api/length", json={"words": "x" * 3_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


async def test_a_large_frame_passes(gateway: Topology) -> None:
    async with connected(gateway.host) as peer:
        assert await called(peer, "length", "x" * 1_000_000) == 1_000_000


# ---- streams ----


@pytest.mark.parametrize("accept", ["application/jsonl", "text/event-stream", "application/msgpack"])
async def test_an_item_arrives_before_the_next_one_is_made(
    gateway: Topology, http: httpx.AsyncClient, accept: str
) -> None:
    gate = uuid.uuid4().hex
    headers = {"accept": accept, "accept-encoding": "gzip"}
    async with http.stream("POST", "/api/gated", json={"gate": gate}, headers=headers) as answer:
        received = b""
        async for chunk in answer.aiter_raw():
            received += chunk
            if b"before" in received and not (gateway.folder / gate).exists():
                assert b"after" not in received
                (gateway.folder / gate).touch()
        assert b"after" in received
    assert answer.headers["content-type"].startswith(accept)
    assert "content-encoding" not in answer.headers


async def test_an_item_arrives_over_a_websocket_before_the_next_one_is_made(gateway: Topology) -> None:
    gate = uuid.uuid4().hex
    async with connected(gateway.host) as peer:
        await peer.send(call(1, "gated", gate))
        assert (await peer.until(m.Item)).value == "before"
        (gateway.folder / gate).touch()
        assert (await peer.until(m.Item)).value == "after"


async def test_a_reader_that_leaves_stops_the_generator(gateway: Topology, http: httpx.AsyncClient) -> None:
    gate = uuid.uuid4().hex
    async with http.stream("POST", "/api/gated", json={"gate": gate}) as answer:
        async for _ in answer.aiter_raw():
            break
    await asyncio.to_thread(until, (gateway.folder / f"{gate}.left").exists, "the generator has ended")
    assert not (gateway.folder / gate).exists()


async def test_a_reader_that_is_slow_slows_the_generator_down(
    gateway: Topology, http: httpx.AsyncClient
) -> None:
    """Nothing between the two may collect: no more is made than sockets hold."""
    mark = gateway.folder / uuid.uuid4().hex
    async with http.stream("POST", "/api/flood", json={"mark": mark.name}) as answer:
        # Kept until the end: httpx closes the response of a reader that is forgotten.
        reader = answer.aiter_raw()
        assert (await anext(reader)).startswith(b'"xx')
        made = [0]
        # Half a second without another item: it waits.
        while made[-1] != (now := mark.stat().st_size):
            made.append(now)
            await asyncio.sleep(0.5)
        del reader
    assert 0 < made[-1] < 1_024


async def test_json_is_compressed(http: httpx.AsyncClient) -> None:
    body = {"word": "abc", "times": 2_000}
    answer = await http.post("/api/repeated", json=body, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json() == ["abc"] * 2_000


# ---- several workers ----


async def test_an_event_reaches_a_user_on_another_worker(gateway: Topology) -> None:
    user = uuid.uuid4().hex
    async with on_both_workers(gateway, token=user) as peers:
        for n, teller in enumerate(peers.values()):
            await teller.send(call(next(call_ids), "tell", user, n))
            assert [(await peer.until(m.Event)).value for peer in peers.values()] == [{"n": n}] * 2


async def test_a_limit_counts_across_workers_and_transports(
    gateway: Topology, http: httpx.AsyncClient
) -> None:
    token = uuid.uuid4().hex
    async with on_both_workers(gateway, token=token) as peers:
        here, there = peers.values()
        for peer in (here, here, there, there, here):
            assert peers[await called(peer, "rare")] is peer
        for peer in (here, there):
            refused = await settled(peer, "rare")
            assert isinstance(refused, m.Error)
            assert refused.code == "RATE_LIMITED"
    answer = await http.post("/api/rare", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 429
    assert 3590 <= int(answer.headers["retry-after"]) <= 3600


# ---- who is calling ----


async def test_the_clients_address_reaches_the_app_and_cannot_be_chosen(gateway: Topology) -> None:
    lies = {
        "x-forwarded-for": "6.6.6.6, 7.7.7.7",
        "x-real-ip": "6.6.6.6",
        "forwarded": "for=6.6.6.6;proto=https",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example",
        "x-forwarded-port": "1",
    }
    async with client(gateway.host, address="127.0.0.77", headers=lies) as http:
        seen = (await http.post("/api/seen")).json()
    assert (seen["client"], seen["scheme"]) == ("127.0.0.77", "http")
    assert seen["headers"]["host"] == gateway.host
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.77"
    assert not {"forwarded", "x-forwarded-host", "x-forwarded-port"} & set(seen["headers"])
    assert not any(lie in json.dumps(seen) for lie in ("6.6.6.6", "7.7.7.7", "evil.example"))


async def test_a_websockets_address_is_the_clients_too(gateway: Topology) -> None:
    async with websockets.connect(
        f"ws://{gateway.host}/_ws",
        subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
        additional_headers={"x-forwarded-for": "6.6.6.6"},
        local_addr=("127.0.0.78", 0),
        compression=None,
    ) as socket:
        peer = Peer(socket)
        await peer.send(m.Hello())
        seen = await called(peer, "seen")
    assert (seen["client"], seen["scheme"]) == ("127.0.0.78", "ws")


async def test_another_forwarded_address_is_not_another_limit(gateway: Topology) -> None:
    async with client(gateway.host, address="127.0.0.81") as http:
        statuses = [
            (await http.post("/api/rare", headers={"x-forwarded-for": f"6.6.6.{n}"})).status_code
            for n in range(6)
        ]
    assert statuses == [200] * 5 + [429]
    # Somebody else's limit is not touched.
    async with client(gateway.host, address="127.0.0.82") as http:
        assert (await http.post("/api/rare")).status_code == 200


@pytest.fixture
def behind_a_proxy(gateway: Topology) -> Iterator[NginxServer]:
    """The same gateway with a load balancer in front of it, at 127.0.0.90."""
    settings = gateway.environment("nginx") | {"TRUSTED_PROXIES": "127.0.0.90, 10.9.0.0/16"}
    with NginxServer(settings) as server:
        yield server


async def test_a_trusted_proxy_is_believed_and_nobody_else(behind_a_proxy: NginxServer) -> None:
    # The client's own lie comes first, then what trusted proxies added.
    headers = {"x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.9.1.1", "x-forwarded-proto": "https"}
    async with client(behind_a_proxy.host, address="127.0.0.90", headers=headers) as http:
        seen = (await http.post("/api/seen")).json()
        assert (seen["client"], seen["scheme"]) == ("203.0.113.7", "https")
        assert seen["headers"]["x-forwarded-for"] == "203.0.113.7"
    async with client(behind_a_proxy.host, address="127.0.0.91", headers=headers) as http:
        seen = (await http.post("/api/seen")).json()
        assert (seen["client"], seen["scheme"]) == ("127.0.0.91", "http")


async def test_the_pages_own_origin_passes_and_another_is_refused(gateway: Topology) -> None:
    def attempt(origin: str) -> websockets.connect:
        return websockets.connect(
            f"ws://{gateway.host}/_ws",
            subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
            origin=websockets.Origin(origin),
            compression=None,
        )

    async with attempt(f"http://{gateway.host}"):
        pass
    for origin in ("http://evil.example", "http://127.0.0.1", "null"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with attempt(origin):
                pass
        assert refused.value.response.status_code == 403


# ---- what is said ----


async def test_no_query_string_and_no_cookie_is_logged(gateway: Topology, http: httpx.AsyncClient) -> None:
    secret = uuid.uuid4().hex
    headers = {
        "cookie": f"session={secret}",
        "authorization": f"Bearer {secret}",
        "referer": f"http://{gateway.host}/?token={secret}",
        "user-agent": f'quoted " agent {uuid.uuid4().hex}',
    }
    await http.get("/api/health", params={"token": secret}, headers=headers)
    await http.get("/page-that-has-no-server", params={"token": secret}, headers=headers)
    async with connected(gateway.host, token=secret, path=f"/_ws?token={secret}"):
        pass
    log = gateway.log("nginx")
    await asyncio.to_thread(until, lambda: '"path":"/_ws"' in gateway.log("nginx"), "the socket is logged")
    lines = [json.loads(line) for line in log.splitlines()]
    (line,) = [
        line for line in lines if line["agent"] == headers["user-agent"] and line["path"] == "/api/health"
    ]
    assert (line["client"], line["method"], line["status"]) == ("127.0.0.1", "GET", 200)
    assert secret not in gateway.log("nginx")
    assert secret not in gateway.log("backend")


async def test_the_headers_that_every_answer_has(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get("/api/health"),
        await http.get("/api/nothing-here"),
        await http.post("/api/length", content=b"x" * 3_000_000),
        await http.get("/page-that-has-no-server"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert answer.headers["server"] == "nginx"
