"""Each 401 has a challenge (RFC 9110 §15.5.2)."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fusewire import Fuse, RpcError


class Locked(RpcError, status=401):
    """Nobody gets in."""


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    fuse = Fuse(app)

    @fuse.rpc.get("/mine", auth=True)
    async def mine() -> None: ...

    @fuse.rpc.get("/declared", raises=[Locked])
    async def declared() -> None:
        raise Locked

    @fuse.rpc.get("/plain")
    async def plain() -> None:
        raise HTTPException(401)

    @fuse.rpc.get("/basic")
    async def basic() -> None:
        raise HTTPException(401, headers={"WWW-Authenticate": 'Basic realm="app"'})

    @app.get("/api/outside")
    async def outside() -> None:
        raise HTTPException(401)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "challenge"),
    [
        ("mine", "Bearer"),
        ("declared", "Bearer"),
        ("plain", "Bearer"),
        ("basic", 'Basic realm="app"'),
        ("outside", "Bearer"),
    ],
)
async def test_each_401_has_a_challenge(http: httpx.AsyncClient, name: str, challenge: str) -> None:
    answer = await http.get(f"/api/{name}")
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == [challenge]


async def test_the_document_tells_the_header_of_each(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    for name in ("mine", "declared"):
        assert "WWW-Authenticate" in paths[f"/api/{name}"]["get"]["responses"]["401"]["headers"]
