import json

import httpx
from sqlalchemy import text

from app.backend.main import fuse
from app.backend.settings import ROOT
from app.backend.state import AppState
from app.tests.conftest import register
from tests.support.callers import SocketCaller
from tests.support.peer import connected


async def test_rows_become_public_members(browser: httpx.AsyncClient) -> None:
    await register(browser)  # an account is no member of the team
    team = (await browser.get("/api/team")).json()
    assert team["team_name"] == "Engineering"
    assert [member["username"] for member in team["members"]] == ["alice", "bruno", "chidi"]
    assert set(team["members"][0]) == {"id", "username", "email", "title"}


async def test_the_hash_never_leaves(host: str, browser: httpx.AsyncClient, running: AppState) -> None:
    registered = await register(browser)
    async with running.engine.connect() as connection:
        hashes = list((await connection.execute(text("select password_hash from users"))).scalars())
    assert len(hashes) == 4
    assert all(value.startswith("$argon2id$") for value in hashes)
    async with connected(host) as peer:
        over_websocket = await SocketCaller(peer).call("get_team")
    places = {
        "websocket": repr(over_websocket),
        "register": json.dumps(registered),
        "account": (await browser.get("/api/account")).text,
        "team": (await browser.get("/api/team")).text,
        "openapi": (await browser.get("/api/openapi.json")).text,
        "contract": json.dumps(fuse.contract()),
        "types": (ROOT / "app/frontend/src/lib/fuse.ts").read_text(),
    }
    assert "alice@example.com" in places["websocket"]
    for place, said in places.items():
        assert "password_hash" not in said, place
        assert not any(value in said for value in hashes), place
