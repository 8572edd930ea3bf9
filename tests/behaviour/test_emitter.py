"""Events from a process that serves nobody."""

import asyncio
import sys
import textwrap
import uuid
from pathlib import Path

import pytest
from fusewire import Emitter, Fuse, RegistrationError, Router
from fusewire.broker import BrokerError
from pydantic import BaseModel

from tests.support.apps import add_rooms, fuse_of_users
from tests.support.listening import listening
from tests.support.server import serving
from tests.support.valkey import ValkeyServer

rpc = Router()


@rpc.event
class Progress(BaseModel):
    percent: int


@rpc.event(history=False)
class Typing(BaseModel):
    who: str


class Unregistered(BaseModel):
    x: int = 1


def make_fuse(url: str, name: str) -> Fuse:
    fuse = fuse_of_users(broker=url, name=name)
    fuse.include_router(rpc)
    add_rooms(fuse)
    return fuse


async def test_its_events_are_the_apps(valkey: ValkeyServer) -> None:
    name = uuid.uuid4().hex
    fuse = make_fuse(valkey.url, name)
    async with (
        serving(fuse.app) as host,
        listening(host, "ann") as ann,
        Emitter(valkey.url, name=name, events=rpc) as emitter,
    ):
        await ann.call("enter", "lobby")
        await emitter.to("ann").emit(Progress(percent=1))
        await ann.saw(1)
        await emitter.room("lobby").emit(Progress(percent=2))
        await ann.saw(2)
        await emitter.broadcast().emit(Typing(who="bob"))
        assert await ann.saw(3) == [{"percent": 1}, {"percent": 2}, {"who": "bob"}]
        await ann.leave()
        await emitter.to("ann").emit(Typing(who="nobody hears it"))
        await emitter.to("ann").emit(Progress(percent=3))
        await ann.connect(host)
        await ann.saw(4)
        assert ann.seen[3:] == [{"percent": 3}]
        assert not ann.gaps


async def test_a_process_of_its_own(valkey: ValkeyServer, tmp_path: Path) -> None:
    """It imports the models, and no app."""
    name = uuid.uuid4().hex
    script = tmp_path / "job.py"
    script.write_text(
        textwrap.dedent(f"""
        import asyncio, sys
        from fusewire import Emitter
        from pydantic import BaseModel

        class Progress(BaseModel):
            percent: int

        async def main():
            async with Emitter({valkey.url!r}, name={name!r}, events=[Progress]) as emitter:
                await emitter.to("ann").emit(Progress(percent=5))

        asyncio.run(main())
        assert "fusewire.app" not in sys.modules
        """)
    )
    async with serving(make_fuse(valkey.url, name).app) as host, listening(host, "ann") as ann:
        process = await asyncio.create_subprocess_exec(sys.executable, "-W", "error", str(script))
        assert await process.wait() == 0
        assert await ann.saw(1) == [{"percent": 5}]


async def test_what_cannot_be_emitted(valkey: ValkeyServer) -> None:
    with pytest.raises(ValueError, match="redis://"):
        Emitter("http://localhost", events=rpc)
    with pytest.raises(RegistrationError, match="an event is a pydantic model"):
        Emitter(valkey.url, events=[int])  # type: ignore[list-item]  # the mistake under test
    async with Emitter(valkey.url, events=[Progress]) as emitter:
        assert repr(emitter) == "<Emitter Progress>"
        with pytest.raises(TypeError, match="Unregistered is not an event of this app"):
            await emitter.to("ann").emit(Unregistered())
    async with Emitter("redis://127.0.0.1:1", events=[Progress]) as emitter:
        with pytest.raises(BrokerError):
            await emitter.to("ann").emit(Progress(percent=1))
