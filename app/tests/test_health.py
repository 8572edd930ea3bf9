import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from fusewire import Fuse

from app.backend.database import make_engine
from app.backend.main import app
from app.backend.state import AppState
from tests.support.valkey import ValkeyServer


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


async def test_alive_and_ready(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/health")).json() == {"status": "ok"}
    ready = await browser.get("/api/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_without_a_database_it_is_alive_but_not_ready(
    browser: httpx.AsyncClient, running: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = make_engine("postgresql+asyncpg://app@127.0.0.1:1/app")
    monkeypatch.setattr(app.state, "running", replace(running, engine=nowhere))
    ready = await browser.get("/api/ready")
    assert ready.status_code == 503
    assert ready.json() == {"code": "HTTP_503", "detail": "No answer from: database"}
    assert (await browser.get("/api/health")).status_code == 200


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_broker_counts_too(
    browser: httpx.AsyncClient, running: AppState, monkeypatch: pytest.MonkeyPatch, valkey: ValkeyServer
) -> None:
    fuse = Fuse(FastAPI(), broker=valkey.url)
    monkeypatch.setattr(app.state, "running", replace(running, fuse=fuse))
    async with asyncio.timeout(20), fuse.app.router.lifespan_context(fuse.app):
        assert (await browser.get("/api/ready")).status_code == 200
        await asyncio.to_thread(valkey.stop)
        while (ready := await browser.get("/api/ready")).status_code == 200:  # noqa: ASYNC110  # asked as a gateway asks
            await asyncio.sleep(0.01)
    assert ready.status_code == 503
    assert ready.json() == {"code": "HTTP_503", "detail": "No answer from: broker"}
