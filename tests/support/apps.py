"""Apps for tests: the bearer token is the user's id."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fusewire import Credentials, Fuse


def fuse_of_users(**options: Any) -> Fuse:
    """A new app. `options` are those of `Fuse`."""
    fuse = Fuse(FastAPI(), **options)
    fuse.identity(_identify)
    return fuse


async def _identify(credentials: Credentials) -> str | None:
    return credentials.token


def add_rooms(fuse: Fuse) -> None:
    """The procedures `enter(room)` and `leave(room)`."""

    @fuse.rpc
    async def enter(room: str) -> None:
        await fuse.room(room).join()

    @fuse.rpc
    async def leave(room: str) -> None:
        await fuse.room(room).leave()


class Workers:
    """Makes one worker of an app after the other, each with what `define` adds. Without a broker there is only one."""

    def __init__(self, broker_url: str | None, define: Callable[[Fuse], None], **options: Any) -> None:
        self._options = {"broker": broker_url, "name": uuid.uuid4().hex, **options}
        self._define = define
        self.made: list[Fuse] = []

    def __call__(self) -> Fuse:
        if self.made and self._options["broker"] is None:
            return self.made[0]
        fuse = fuse_of_users(**self._options)
        self._define(fuse)
        self.made.append(fuse)
        return fuse
