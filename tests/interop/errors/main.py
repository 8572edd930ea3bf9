"""An app that fails in every way there is."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, HTTPException
from fusewire import Credentials, Fuse, Identity, RpcError
from pydantic import BaseModel

app = FastAPI()
fuse = Fuse(app)
rpc = fuse.rpc


class Left(BaseModel):
    left: int


class BudgetSpent(RpcError[Left], status=402):
    """Nothing is left."""


class NotFound(RpcError[Left], status=404):
    """A code that a status has as well."""


@fuse.identity
async def identify(credentials: Credentials) -> Identity | None:
    return Identity(credentials.token, scopes=frozenset({"read"})) if credentials.token else None


@rpc(raises=[BudgetSpent, NotFound])
async def spend(amount: int) -> int:
    if amount > 100:
        raise NotFound(Left(left=100))
    if amount > 10:
        raise BudgetSpent(Left(left=10), "Only 10 are left.")
    return amount


@rpc(raises=[BudgetSpent])
async def spend_slowly(amount: int) -> AsyncIterator[int]:
    for spent in range(amount):
        if spent == 3:
            raise BudgetSpent(Left(left=0))
        yield spent


@rpc(raises=[BudgetSpent])
async def without_data() -> None:
    raise BudgetSpent


@rpc
async def by_status(status: int) -> None:
    raise HTTPException(status, f"said with {status}")


@rpc
async def crash() -> None:
    raise ZeroDivisionError


@rpc(limit="1/h")
async def rare() -> None: ...


@rpc(auth=True)
async def private() -> None: ...


@rpc(scopes=["write"])
async def scoped() -> None: ...


@rpc(timeout=0.05)
async def slow() -> None:
    await asyncio.sleep(60)


@rpc(transports="websocket")
async def measure(chunks: AsyncIterator[bytes]) -> int:
    return sum([len(chunk) async for chunk in chunks])
