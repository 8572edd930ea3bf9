"""Values that have no exact form, or do not fit, and what is told about them."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Header
from fusewire import BigInt, Fuse, NaiveDatetime, RpcError, emit
from fusewire.wire import messages as m
from fusewire.wire.codec import pack
from pydantic import BaseModel, TypeAdapter

from tests.support.callers import Caller, CallError, SocketCaller
from tests.support.peer import call, connected
from tests.support.server import serving

Connect = Callable[..., Awaitable[Caller]]

AWARE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAIVE = AWARE.replace(tzinfo=None)
NAIVE_TEXT = "2026-01-02T03:04:05"


class Stamped(BaseModel):
    at: datetime
    raw: bytes = b""


class Plain(BaseModel):
    at: NaiveDatetime


class TooEarly(RpcError[Stamped], status=409):
    """Too early."""


@pytest.mark.parametrize(
    ("declared", "value", "told"),
    [
        (list[Stamped], [Stamped(at=NAIVE)], "time zone"),
        (Any, {"a": [NAIVE]}, "time zone"),
        (Plain, Plain.model_construct(at=AWARE), "has a time zone"),
        (dict[str, str], {"a": "\ud83d"}, "surrogate"),
        (str, "\ud83d", "surrogate"),
        (BigInt, 10**5000, "4,300 digits"),
    ],
    ids=["naive", "naive in any", "aware", "surrogate inside", "surrogate", "digits"],
)
async def test_what_has_no_form_is_named(
    fuse: Fuse,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    declared: Any,
    value: Any,
    told: str,
) -> None:
    async def give() -> Any:
        return value

    give.__annotations__["return"] = declared
    fuse.rpc(give)

    async def items() -> AsyncIterator[Any]:
        yield value

    items.__annotations__["return"] = AsyncIterator[declared]
    fuse.rpc(items)
    caller = await connect()
    with pytest.raises(CallError, match=told) as raised:
        await caller.call("give")
    assert (raised.value.status, raised.value.code) == (500, "UNENCODABLE")
    # The place is in the log, under the id that the caller has.
    assert f"give failed, error id {raised.value.id}" in caplog.text
    with pytest.raises(CallError, match=told):
        [item async for item in caller.stream("items")]


async def test_an_integer_beyond_64_bits_is_a_big_int_or_an_error(
    fuse: Fuse, connect: Connect, binary: bool
) -> None:
    @fuse.rpc
    async def plain(more: int) -> int:
        return 2**64 - 1 + more

    @fuse.rpc
    async def inside(more: int) -> list[int]:
        return [-(2**63) - more]

    @fuse.rpc
    async def large(more: BigInt) -> BigInt:
        return 2**64 + more

    caller = await connect()
    assert await caller.call("plain", 0) == 2**64 - 1
    assert await caller.call("inside", 0) == [-(2**63)]
    assert await caller.call("large", 1) == (2**64 + 1 if binary else str(2**64 + 1))
    assert await caller.call("large", str(-(2**80))) == (2**64 - 2**80 if binary else str(2**64 - 2**80))
    if not binary:
        # JSON's numbers have no size; JavaScript's do, and BigInt is the type that says so.
        assert await caller.call("plain", 1) == 2**64
        return
    for name in ("plain", "inside"):
        with pytest.raises(CallError, match=r"fusewire\.BigInt") as raised:
            await caller.call(name, 1)
        assert raised.value.code == "UNENCODABLE"


async def test_naive_moments_do_not_come_in(fuse: Fuse, connect: Connect, binary: bool) -> None:
    @fuse.rpc
    async def at(moment: datetime) -> str:
        return moment.isoformat()

    @fuse.rpc.get("/when")
    async def when(moment: datetime) -> str:
        return moment.isoformat()

    @fuse.rpc
    async def stamped(a: int, values: list[Stamped]) -> int:
        return len(values)

    @fuse.rpc
    async def local(moment: NaiveDatetime) -> str:
        return moment.isoformat()

    caller = await connect()
    for name in ("at", "when"):
        with pytest.raises(CallError) as raised:
            await caller.call(name, NAIVE_TEXT)
        assert raised.value.code == "INVALID_ARGUMENT"
        assert raised.value.detail[0]["type"] == "timezone_aware"
        assert await caller.call(name, "2026-01-02T03:04:05Z") == AWARE.isoformat()
    with pytest.raises(CallError, match="timezone"):
        await caller.call("stamped", 1, [{"at": NAIVE_TEXT}])
    assert await caller.call("local", NAIVE_TEXT) == NAIVE_TEXT
    with pytest.raises(CallError, match="timezone"):
        await caller.call("local", AWARE if binary else "2026-01-02T03:04:05Z")


class TestInUtc:
    """`Fuse(naive_datetime="utc")`."""

    @pytest.fixture
    def fuse(self) -> Fuse:
        return Fuse(FastAPI(), naive_datetime="utc")

    async def test_naive_is_utc_in_and_out(self, fuse: Fuse, connect: Connect, binary: bool) -> None:
        @fuse.rpc
        async def same(a: int, value: Stamped) -> list[Any]:
            assert value.at == AWARE
            return [Stamped(at=NAIVE), NAIVE]

        @fuse.rpc
        async def items(moment: datetime) -> AsyncIterator[datetime]:
            assert moment == AWARE
            yield NAIVE

        @fuse.rpc(raises=[TooEarly])
        async def early() -> None:
            raise TooEarly(Stamped(at=NAIVE, raw=b"\xff"))

        caller = await connect()
        at = AWARE if binary else "2026-01-02T03:04:05Z"
        raw = b"" if binary else ""
        assert await caller.call("same", 1, {"at": NAIVE_TEXT}) == [{"at": at, "raw": raw}, at]
        assert [item async for item in caller.stream("items", NAIVE_TEXT)] == [at]
        with pytest.raises(CallError) as raised:
            await caller.call("early")
        assert raised.value.data == {"at": at, "raw": b"\xff" if binary else "/w=="}

    async def test_an_event_is_utc_too(self, fuse: Fuse) -> None:
        pushed, answer = await _pushed(fuse)
        assert [(each.name, each.value) for each in pushed if isinstance(each, m.Event)] == [
            ("Stamped", {"at": AWARE, "raw": b"\xff"})
        ]
        assert isinstance(answer, m.Result)


async def _pushed(fuse: Fuse) -> tuple[list[m.Message], m.Message]:
    """What a connection hears, and at last what the call is answered."""

    fuse.rpc.event(Stamped)

    @fuse.rpc
    async def push() -> None:
        await emit(Stamped(at=NAIVE, raw=b"\xff"))

    async with serving(fuse.app) as host, connected(host) as peer:
        await peer.send(call(1, "push"))
        found: list[m.Message] = []
        while not isinstance(message := await peer.next(), m.Result | m.Error):
            found.append(message)
        return found, message


async def test_an_event_with_a_naive_moment_is_an_error_of_the_call_that_emits(fuse: Fuse) -> None:
    pushed, answer = await _pushed(fuse)
    assert pushed == []
    assert isinstance(answer, m.Error)
    assert answer.code == "UNENCODABLE"


async def test_an_errors_data_with_a_naive_moment_is_an_internal_error(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    @fuse.rpc(raises=[TooEarly])
    async def early() -> None:
        raise TooEarly(Stamped(at=NAIVE))

    with pytest.raises(CallError, match="INTERNAL"):
        await (await connect()).call("early")
    assert "time zone" in caplog.text


class TestBytesInText:
    async def test_malformed_base64_is_an_argument_that_does_not_fit(
        self, fuse: Fuse, connect: Connect
    ) -> None:
        @fuse.rpc
        async def take(value: Stamped, others: list[dict[str, bytes | None]]) -> int:
            return len(value.raw)

        caller = await connect()
        at = "2026-01-02T03:04:05Z"
        assert await caller.call("take", {"at": at, "raw": "AAA="}, []) == 2
        for raw in ("A", "AA=A", "AA A", "é"):
            with pytest.raises(CallError) as raised:
                await caller.call("take", {"at": at, "raw": raw}, [{"x": raw}])
            assert {error["type"] for error in raised.value.detail} == {"bytes_invalid_encoding"}
            assert [tuple(error["loc"])[:3] for error in raised.value.detail] == [
                ("body", "value", "raw"),
                ("body", "others", 0),
            ]

    async def test_in_paths_queries_and_headers(self, fuse: Fuse, connect: Connect) -> None:
        @fuse.rpc.get("/blobs/{blob}")
        async def blob(blob: bytes, more: list[bytes], mark: Annotated[bytes, Header()] = b"") -> list[bytes]:
            return [blob, *more, mark]

        text = base64.urlsafe_b64encode(b"\xfb\xff").decode()
        caller = await connect(headers={"mark": "/w=="})
        got = await caller.call("blob", text, ["+/8=", ""])
        assert TypeAdapter(list[bytes]).validate_python(got) in (
            [b"\xfb\xff", b"\xfb\xff", b"", b"\xff"],
            [b"+/8=", b"+/8=", b"", b"/w=="],
        )


async def test_text_with_half_a_surrogate_pair_does_not_come_in(
    fuse: Fuse, connect: Connect, transport: str
) -> None:
    @fuse.rpc
    async def length(text: str) -> int:
        return len(text)

    caller = await connect()
    if transport == "websocket":
        data = pack([3, 1, "length", ["xyz"]]).replace(b"xyz", b"\xed\xa0\x80")
        assert isinstance(caller, SocketCaller)
        await caller.peer.send_raw(data)
        message = await caller.peer.next()
        assert isinstance(message, m.Error)
        assert message.code == "MALFORMED"
    elif transport != "http-msgpack":
        with pytest.raises(CallError, match="INVALID_ARGUMENT"):
            await caller.call("length", "\ud800")
    assert await caller.call("length", "ok") == 2
