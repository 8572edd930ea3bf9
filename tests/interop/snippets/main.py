from collections.abc import AsyncIterator

from fastapi import FastAPI
from fusewire import Credentials, Fuse, Identity

from tests.interop.snippets import jobs
from tests.interop.snippets.preamble import lifespan

# --8<-- [start:app]
app = FastAPI(lifespan=lifespan)
fuse = Fuse(app)  # WebSocket at /_ws, REST mirror under /api, one OpenAPI document, docs at /api/docs
fuse.include_router(jobs.rpc)  # as FastAPI's: prefix, tags, dependencies, nesting


@fuse.rpc  # the root router, for one-file apps
async def add(a: int, b: int) -> int:
    return a + b


@fuse.identity  # one loader for every transport
async def identify(credentials: Credentials) -> Identity | str | None:
    return credentials.token


# --8<-- [end:app]


# --8<-- [start:upload]
@fuse.rpc(transports="websocket")
async def shout(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:  # the client sends no faster than this reads
        yield line.upper()


# --8<-- [end:upload]
