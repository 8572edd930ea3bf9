"""A connection for the length of a block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fusewire.client.connection import Connection
from fusewire.client.duplex import Duplex
from fusewire.client.tasks import owned_tasks


@asynccontextmanager
async def open_connection(
    duplex: Duplex,
    *,
    calls: str | None = None,
    credentials: dict[str, Any] | None = None,
    timeout: float | None = None,  # noqa: ASYNC109  # it is the server's to keep
) -> AsyncIterator[Connection]:
    """Say hello and wait for welcome; close at the end of the block.

    `calls` is the hash of the contract that the callers go by, `timeout` the deadline of unary calls that name none, in seconds.
    Raises `RemoteError` when the server refused, `ConnectionLost` when there is no welcome.
    """
    async with owned_tasks() as tasks:
        connection = Connection(duplex, tasks, timeout=timeout)
        try:
            await connection.greet(calls, credentials)
            yield connection
        finally:
            await connection.close()
