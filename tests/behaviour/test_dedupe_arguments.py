"""A key is for one call with its arguments, however they are written and whatever carries them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fusewire import Fuse
from fusewire.wire import messages as m
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from tests.support.apps import fuse_of_users
from tests.support.peer import Peer, connected
from tests.support.server import serving
from tests.support.shop import KEY, answer

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Size(Enum):
    SMALL = "s"


class Order(BaseModel):
    a: int
    b: int = 2
    id: UUID = Field(default_factory=uuid4)
    secret: SecretStr | None = None


@dataclass
class Line:
    text: str
    id: UUID = field(default_factory=uuid4)


def now(text: str) -> str:
    return f"{text} at {datetime.now(UTC)}"


@pytest.fixture
def fuse() -> Fuse:
    fuse = fuse_of_users()

    @fuse.rpc.post("/orders/{order}/pay", dedupe="10m")
    async def pay(order: int) -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def at(when: datetime) -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def data(of: bytes) -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def amount(of: Decimal, size: Size = Size.SMALL, times: int = 1) -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def tags(of: set[str]) -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def order(order: Order, note: str = "") -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def anything(of: Any) -> str:
        return uuid4().hex

    @fuse.rpc(dedupe="10m")
    async def restless(of: Annotated[str, AfterValidator(now)], line: Line) -> str:
        return uuid4().hex

    return fuse


@pytest.fixture
async def peer(fuse: Fuse) -> AsyncIterator[tuple[Peer, httpx.AsyncClient]]:
    async with (
        serving(fuse.app) as host,
        connected(host, token="ann") as peer,
        httpx.AsyncClient(
            base_url=f"http://{host}/api",
            headers={"idempotency-key": KEY, "authorization": "Bearer ann"},
        ) as client,
    ):
        yield peer, client


@pytest.mark.parametrize(
    ("name", "args", "path", "body"),
    [
        ("pay", [5], "/orders/5/pay", None),
        ("at", [MOMENT], "/at", {"when": "2026-01-01T12:00:00Z"}),
        ("at", [MOMENT], "/at", {"when": "2026-01-01T14:00:00+02:00"}),
        ("data", [b"abc"], "/data", {"of": "YWJj"}),
        ("amount", ["12.50"], "/amount", {"of": 12.5}),
        ("amount", ["12.50"], "/amount", {"times": 1, "of": "12.5", "size": "s"}),
        ("tags", [["a", "b"]], "/tags", {"of": ["b", "a"]}),
        ("order", [{"a": 1, "b": 2}], "/order", {"order": {"b": 2, "a": 1}}),
        ("order", [{"a": 1}], "/order", {"note": "", "order": {"b": 2, "a": 1}}),
        ("anything", [{"a": [1, None], "b": {}}], "/anything", {"of": {"b": {}, "a": [1, None]}}),
        ("restless", ["x", {"text": "y"}], "/restless", {"of": "x", "line": {"text": "y"}}),
    ],
)
async def test_the_same_call_in_other_words(
    peer: tuple[Peer, httpx.AsyncClient], name: str, args: list[Any], path: str, body: Any
) -> None:
    socket, client = peer
    first = await answer(socket, name, *args)
    assert isinstance(first, m.Result), first
    response = await client.post(path, json=body)
    assert (response.status_code, response.json()) == (200, first.value)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("at", [MOMENT], [MOMENT.astimezone(timezone(timedelta(hours=2))) + timedelta(seconds=1)]),
        ("data", [b"abc"], [b"abd"]),
        ("amount", ["12.5"], ["12.5", "s", 2]),
        ("tags", [["a"]], [["a", "b"]]),
        ("order", [{"a": 1}], [{"a": 1, "b": 3}]),
        ("order", [{"a": 1, "secret": "x"}], [{"a": 1, "secret": "y"}]),
        ("anything", [5], ["5"]),
        ("anything", [[1, 2]], [[2, 1]]),
        ("anything", [None], [False]),
    ],
)
async def test_another_call(
    peer: tuple[Peer, httpx.AsyncClient], name: str, one: list[Any], other: list[Any]
) -> None:
    socket, _ = peer
    assert isinstance(await answer(socket, name, *one), m.Result)
    error = await answer(socket, name, *other)
    assert (error.status, error.code) == (422, "KEY_REUSED")


async def test_what_does_not_fit_is_told_and_tried_anew(peer: tuple[Peer, httpx.AsyncClient]) -> None:
    socket, _ = peer
    assert (await answer(socket, "at", "soon")).code == "INVALID_ARGUMENT"
    assert isinstance(await answer(socket, "at", MOMENT), m.Result)
