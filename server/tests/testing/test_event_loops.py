"""One app in an event loop after the other, as in a test suite that has a loop for each test."""

import asyncio
from typing import Any

import pytest
from fusewire import Fuse, Joined, Left
from fusewire.hub.presence import Timing
from fusewire.testing import Client, connect

from tests.support.apps import add_rooms, fuse_of_users

ROUNDS = 3


@pytest.fixture
def fuse() -> Fuse:
    fuse = fuse_of_users()
    fuse.rpc.event(Joined)
    fuse.rpc.event(Left)
    add_rooms(fuse)
    fuse._hub.presence.timing = Timing(grace=0.2, lease=0.4, tick=0.05)
    return fuse


async def of_bob(client: Client, event: str) -> Any:
    """The next such event about Bob; Ann's stay of the loop before may end as well."""
    while (told := await client.event(event))["user"] != "bob":
        pass
    return told


def test_rooms_work_in_every_loop(fuse: Fuse, caplog: pytest.LogCaptureFixture) -> None:
    async def come_and_go() -> None:
        async with connect(fuse.app, user="ann") as ann:
            await ann.enter("lobby")
            async with connect(fuse.app, user="bob") as bob:
                await bob.enter("lobby")
                joined = await of_bob(ann, "Joined")
            # Who lost the connection is gone after the grace, which a task of the app's looks after.
            left = await of_bob(ann, "Left")
            assert joined["member"] == left["member"]

    for _ in range(ROUNDS):
        asyncio.run(come_and_go())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
