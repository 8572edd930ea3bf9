"""What came of a call, in a form that can be kept and answered again on any transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, NoReturn, Protocol

import msgpack

from fusewire.calls.failure import packed_data, packed_detail
from fusewire.calls.fingerprint import Fingerprint
from fusewire.errors import HttpError, OutcomeUnknown, ResultNotKept, RpcError
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.values import OutputType
from fusewire.wire.codec import Sizes, unpack

KEPT_BYTES = 64 * 1024
"""A larger result is not kept; a retry is told that the call was executed, and no more."""

_KEPT = Sizes(message_bytes=2**31, depth=1000, elements=2**31)
"""What is kept was written by a worker of this app."""

_ANY = OutputType(Any, naive="error")


class Replies(Protocol):
    """What an outcome asks of a reply."""

    async def kept(self, packed: bytes, json: bytes) -> None:
        """A result that is encoded already, in both forms."""
        ...

    async def error(self, error: RpcError[Any]) -> None: ...


class Outcome(NamedTuple):
    """`kind`: `"value"` with the result as msgpack and JSON; `"error"`; `"large"`; `"unknown"`."""

    kind: str
    parts: tuple[Any, ...] = ()

    async def answer(self, reply: Replies) -> None:
        match self.kind:
            case "value":
                await reply.kept(*self.parts)
            case "error":
                await reply.error(_error(*self.parts))
            case "large":
                await reply.error(
                    ResultNotKept(message="The call was executed; its result was too large to be kept")
                )
            case _:
                await reply.error(OutcomeUnknown(message="The call was begun and did not come to its end"))


UNKNOWN = Outcome("unknown")


def failed(error: RpcError[Any]) -> Outcome:
    data = packed_data(error)
    headers = error.headers if isinstance(error, HttpError) else None
    return Outcome(
        "error",
        (error.status, error.code, bytes(packed_detail(error)), data and bytes(data), error.id, headers),
    )


def _error(
    status: int,
    code: str,
    detail: bytes,
    data: bytes | None,
    error_id: str | None,
    headers: dict[str, str] | None,
) -> RpcError[Any]:
    error = HttpError(status, unpack(detail, _KEPT), headers)
    error.code = code
    error.id = error_id
    error.output = _ANY
    if data is not None:
        error.data = unpack(data, _KEPT)
    return error


class Recorder:
    """The reply of a call that is executed once and may be answered often.

    `keep` writes its outcome down before anybody is told; None: it was refused or stopped before its function had begun.
    """

    def __init__(self, procedure: Procedure, keep: Callable[[Outcome | None], Awaitable[None]]) -> None:
        self._procedure = procedure
        self._keep = keep
        self.done = False
        self.begun = False
        """Whether the function was called: from then on nobody knows what it did, whatever it raises."""
        self.outcome: asyncio.Future[tuple[Outcome, RpcError[Any] | None]] = (
            asyncio.get_running_loop().create_future()
        )
        """And the error itself, for the one who waits here."""

    async def result(self, value: Any) -> None:
        output = self._procedure.output
        assert output is not None, "refused at registration"
        outcome = Outcome("value", (bytes(output.packed(value)), output.json(value)))
        self.done = True
        # It may be a middleware's; an answer is one all the same.
        self.begun = True
        await self._settle(outcome, None)

    async def error(self, error: RpcError[Any]) -> None:
        self.done = True
        await self._settle(failed(error), error)

    async def lost(self) -> None:
        if not self.outcome.done():
            await self._settle(UNKNOWN, None)

    async def _settle(self, outcome: Outcome, error: RpcError[Any] | None) -> None:
        await self._keep(outcome if self.begun else None)
        if not self.outcome.done():
            self.outcome.set_result((outcome, error))

    async def item(self, value: Any) -> NoReturn:
        raise AssertionError(f"refused at registration: {value!r} is an item")

    async def end(self) -> NoReturn:
        raise AssertionError("refused at registration: a stream has no result to be kept")

    async def kept(self, packed: bytes, json: bytes) -> NoReturn:
        raise AssertionError(f"nothing is executed behind a recorder but the call: {packed!r} {json!r}")


class Record(NamedTuple):
    """What the store has of a call. `outcome` is None while it is executed, by whoever holds the lease `token`."""

    arguments: Fingerprint
    token: str
    outcome: Outcome | None = None

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb([self.arguments, self.token, self.outcome])
        return packed


def read_record(stored: bytes) -> Record:
    arguments, token, outcome = msgpack.unpackb(stored)
    return Record(Fingerprint(*arguments), token, outcome and Outcome(outcome[0], tuple(outcome[1])))
