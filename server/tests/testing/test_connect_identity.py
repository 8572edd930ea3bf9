"""Who calls an app in this event loop."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fusewire import Identity, RpcError
from fusewire.testing import ConnectionLost, connect

from .world import World


async def test_a_user_goes_past_the_loader(world: World) -> None:
    async with connect(world.app, user="ann") as client:
        assert await client.who() == "ann"
    identity = Identity("root", scopes=frozenset({"admin"}), data={"plan": "pro"})
    async with connect(world.app, user=identity) as client:
        assert await client.secret() == ["root", ["admin"], {"plan": "pro"}]
    assert "identify" not in world.log


async def test_nobody_is_anonymous(world: World) -> None:
    async with connect(world.app) as client:
        assert await client.who() is None
        with pytest.raises(RpcError) as raised:
            await client.secret()
        assert raised.value.code == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "shown",
    [
        {"token": "ann"},
        {"credentials": {"name": "ann"}},
        {"credentials": {"name": "bob"}, "token": "ann"},
        {"headers": {"Authorization": "Bearer ann"}},
        {"cookies": {"session": "ann"}},
    ],
    ids=str,
)
async def test_credentials_go_to_the_loader(world: World, shown: dict[str, Any]) -> None:
    async with connect(world.app, **shown) as client:
        assert await client.who() == "ann"
    assert world.log == ["identify"]


async def test_a_refused_identity_does_not_connect(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL), pytest.raises(RpcError) as raised:
        async with connect(world.app, token="bad"):
            pytest.fail("it was refused")
    assert (raised.value.code, raised.value.status) == ("UNAUTHENTICATED", 401)


@pytest.mark.parametrize("also", [{"token": "t"}, {"credentials": {}}])
async def test_a_user_and_credentials_are_a_contradiction(world: World, also: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give one"):
        async with connect(world.app, user="ann", **also):
            pytest.fail("which of them?")


async def test_headers_cookies_and_address(world: World) -> None:
    shown: dict[str, Any] = {"headers": {"X-Tenant": "acme"}, "cookies": {"theme": "dark", "b": "1"}}
    async with connect(world.app, user="ann", client_ip="192.0.2.1", **shown) as client:
        assert await client.seen() == ["acme", "dark", "192.0.2.1"]


async def test_reauthenticating(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with connect(world.app, token="ann") as client:
        assert await client.who() == "ann"
        await client.reauthenticate(token="bob")
        assert await client.who() == "bob"
        await client.reauthenticate()
        assert await client.who() is None
        with caplog.at_level(logging.CRITICAL), pytest.raises(RpcError, match="UNAUTHENTICATED"):
            await client.reauthenticate(token="bad")
        assert await client.closed() == client.close_code == 4501


async def test_new_credentials_of_a_user_are_the_loaders_to_judge(world: World) -> None:
    async with connect(world.app, user="ann") as client:
        assert await client.who() == "ann"
        await client.reauthenticate(token="bob")
        assert await client.who() == "bob"


async def test_an_identity_that_expires(world: World) -> None:
    soon = Identity("ann", expires_at=datetime.now(UTC) + timedelta(seconds=0.3))
    async with connect(world.app, user=soon) as client:
        with pytest.raises(ConnectionLost) as raised:
            await client.hang()
        assert raised.value.maybe_executed is True
        assert client.close_code == 4004
        assert client.status == "closed"


async def test_a_page_of_another_site_is_refused(world: World) -> None:
    with pytest.raises(ConnectionLost, match="403: Origin not allowed"):
        async with connect(world.app, headers={"origin": "https://evil.example"}):
            pytest.fail("it was let in")
