import httpx
import pytest

from app.backend.identity import COOKIE
from app.tests.conftest import Browser, register
from tests.support.callers import CallError, SocketCaller
from tests.support.peer import connected


async def test_the_sixth_question_in_an_hour_is_refused_whatever_the_way(
    host: str, member: httpx.AsyncClient
) -> None:
    async with connected(host, token=member.cookies[COOKIE]) as peer:
        socket = SocketCaller(peer)
        for _ in range(2):
            assert (await member.get("/api/whoami")).json()["is_http"] is True
            assert (await socket.call("whoami"))["is_rpc"] is True
        assert (await member.get("/api/whoami")).status_code == 200
        refused = await member.get("/api/whoami")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert 0 < refused.json()["data"]["retry_after"] <= 3600
        with pytest.raises(CallError, match="RATE_LIMITED"):
            await socket.call("whoami")


async def test_the_limit_is_counted_per_person(member: httpx.AsyncClient, new_browser: Browser) -> None:
    for _ in range(6):
        await member.get("/api/whoami")
    other = new_browser()
    await register(other, "eli")
    assert (await other.get("/api/whoami")).status_code == 200
