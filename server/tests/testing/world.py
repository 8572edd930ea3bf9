"""An app that has a bit of everything."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Cookie, FastAPI, Header, HTTPException
from fusewire import Bounds, Call, Credentials, Fuse, Identity, Router, RpcError, active_user, emit
from pydantic import BaseModel


class JobStatus(BaseModel):
    job_id: str
    progress: int


class Left(BaseModel):
    cents: int


class BudgetSpent(RpcError[Left], status=402):
    """Nothing left."""


class World:
    """An app, and what happened in it."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.app = FastAPI()
        self.fuse = Fuse(self.app, bounds=bounds)
        self.log: list[str] = []
        self.started = asyncio.Event()
        self._identity()
        self._calls()
        self._errors()
        self._streams()

    def _identity(self) -> None:
        fuse = self.fuse

        @fuse.identity
        async def identify(credentials: Credentials) -> Identity | str | None:
            self.log.append("identify")
            if credentials.token == "bad":
                raise PermissionError("expired")
            return credentials.token or credentials.payload.get("name") or credentials.cookies.get("session")

        @fuse.rpc
        async def who() -> str | None:
            return active_user()

        @fuse.rpc(auth=True)
        async def secret(me: Identity) -> list[Any]:
            return [me.id, sorted(me.scopes), me.data]

        @fuse.rpc
        async def seen(
            call: Call,
            x_tenant: Annotated[str | None, Header()] = None,
            theme: Annotated[str | None, Cookie()] = None,
        ) -> list[Any]:
            return [x_tenant, theme, call.client_ip]

    def _calls(self) -> None:
        fuse, teams = self.fuse, Router(prefix="/teams", namespace="teams")

        @fuse.rpc
        async def add(a: int, b: int = 1) -> int:
            return a + b

        @teams
        async def rename(team_id: int, *, name: str) -> dict[str, Any]:
            return {"id": team_id, "name": name}

        @fuse.rpc
        async def remaining(call: Call) -> float | None:
            return call.remaining_seconds

        @fuse.rpc
        async def save(job: JobStatus, at: datetime, blob: bytes) -> list[Any]:
            return [job.job_id, at.isoformat(), blob]

        fuse.include_router(teams)

    def _errors(self) -> None:
        fuse = self.fuse

        @fuse.rpc(raises=[BudgetSpent])
        async def spend(cents: int) -> None:
            raise BudgetSpent(Left(cents=cents), "Nothing left")

        @fuse.rpc
        async def missing() -> None:
            raise HTTPException(404, "no such thing")

        @fuse.rpc
        async def broken() -> None:
            raise ZeroDivisionError

    def _streams(self) -> None:
        fuse = self.fuse
        fuse.rpc.event(JobStatus)

        @fuse.rpc
        async def start_job(job_id: str, steps: int = 1) -> None:
            for step in range(steps):
                await emit(JobStatus(job_id=job_id, progress=step))

        @fuse.rpc
        async def chat(prompt: str, tokens: int = 1000) -> AsyncIterator[str]:
            try:
                for n in range(tokens):
                    self.log.append(f"made {n}")
                    yield f"{prompt} {n}"
            finally:
                await asyncio.sleep(0)
                self.log.append("chat ended")

        @fuse.rpc
        async def hang() -> None:
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                # Clean-up that takes its turns.
                for _ in range(5):
                    await asyncio.sleep(0)
                self.log.append("hang ended")
