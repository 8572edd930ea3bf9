"""What a call does, on every transport."""

import asyncio
import contextlib
import logging
import threading
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Body, Depends, Header, HTTPException, Query, Security
from fusewire import Call, Fuse, Identity, RpcError, active_user, is_http, is_rpc
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


class BudgetData(BaseModel):
    left: int


class BudgetSpent(RpcError[BudgetData], status=402):
    """No money left."""


class Public(BaseModel):
    name: str


class Row(Public):
    password_hash: str


class Ledger:
    """An ORM row: attributes, no mapping."""

    name = "ann"
    password_hash = "secret"


async def test_a_function_is_called_with_defaults_and_keywords(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def area(width: int, height: int = 2, *, scale: int = 1) -> int:
        return width * height * scale

    caller = await connect()
    assert await caller.call("area", 3) == 6
    assert await caller.call("area", 3, 5) == 15
    assert await caller.call("area", 3, scale=10) == 60


async def test_a_plain_def_runs_in_a_thread(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await (await connect()).call("where") is False


async def test_a_single_model_is_the_body_and_a_row_is_filtered(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def rename(person: Public) -> Public:
        return Row(name=person.name + "!", password_hash="secret")

    @fuse.rpc
    async def load() -> Public:
        return Ledger()  # type: ignore[return-value]  # what an ORM gives

    @fuse.rpc
    async def team() -> list[Public]:
        return [Row(name="a", password_hash="s"), {"name": "b", "password_hash": "s"}]  # type: ignore[list-item]

    caller = await connect()
    assert await caller.call("rename", {"name": "ann"}) == {"name": "ann!"}
    assert await caller.call("load") == {"name": "ann"}
    assert await caller.call("team") == [{"name": "a"}, {"name": "b"}]


async def test_wrong_arguments_are_named_the_same_everywhere(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def pay(amount: Annotated[int, Body(gt=0)], note: str, password: int) -> int:
        raise AssertionError("must not run")

    with pytest.raises(CallError) as caught:
        await (await connect()).call("pay", amount=-1, password="hunter2")
    error = caught.value
    assert (error.status, error.code) == (422, "INVALID_ARGUMENT")
    assert [(e["type"], e["loc"]) for e in error.detail] == [
        ("greater_than", ["body", "amount"]),
        ("missing", ["body", "note"]),
        ("int_parsing", ["body", "password"]),
    ]
    assert "hunter2" not in str(error.detail)


async def test_path_and_query_parameters(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc.get("/shelves/{shelf}/books")
    async def books(
        shelf: int, tag: Annotated[list[str] | None, Query(max_length=2)] = None, page: int = 1
    ) -> Any:
        return [shelf, tag, page]

    caller = await connect()
    assert await caller.call("books", 7) == [7, None, 1]
    assert await caller.call("books", 7, ["a", "b"], page=3) == [7, ["a", "b"], 3]
    with pytest.raises(CallError) as caught:
        await caller.call("books", "x", ["a", "b", "c"])
    assert [e["loc"] for e in caught.value.detail] == [["path", "shelf"], ["query", "tag"]]


async def test_unknown_procedure(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc
    async def here() -> None: ...

    caller = await connect()
    if transport == "websocket":
        with pytest.raises(CallError, match="404 UNKNOWN_PROCEDURE"):
            await caller.call("nowhere")
        with pytest.raises(CallError, match="404 UNKNOWN_PROCEDURE"):
            await caller.call("__class__")
    assert await caller.call("here") is None


async def test_a_declared_error_keeps_code_status_and_data(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(raises=[BudgetSpent])
    async def spend() -> None:
        raise BudgetSpent(BudgetData(left=3), "spent it all")

    with pytest.raises(CallError) as caught:
        await (await connect()).call("spend")
    error = caught.value
    assert (error.status, error.code, error.detail, error.data) == (
        402,
        "BUDGET_SPENT",
        "spent it all",
        {"left": 3},
    )


async def test_an_http_exception_keeps_status_and_detail(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def find() -> None:
        raise HTTPException(404, {"missing": "book"})

    with pytest.raises(CallError) as caught:
        await (await connect()).call("find")
    assert (caught.value.status, caught.value.code, caught.value.detail) == (
        404,
        "NOT_FOUND",
        {"missing": "book"},
    )


async def test_an_unknown_exception_leaves_as_an_id_that_is_in_the_log(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    @fuse.rpc
    async def burst() -> None:
        raise ValueError("db password is hunter2")

    with pytest.raises(CallError) as caught:
        await (await connect()).call("burst")
    assert (caught.value.status, caught.value.code) == (500, "INTERNAL")
    assert "hunter2" not in str(caught.value)
    assert caught.value.id
    assert caught.value.id in caplog.text


async def test_a_result_that_does_not_fit_is_our_fault(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def broken() -> int:
        return "not a number"  # type: ignore[return-value]

    with pytest.raises(CallError, match="500 INTERNAL"):
        await (await connect()).call("broken")


async def test_dependencies_are_resolved_closed_and_never_the_callers(
    fuse: Fuse, connect: Connect, transport: str
) -> None:
    log: list[str] = []

    async def session() -> AsyncGenerator[str]:
        log.append("open")
        try:
            yield "session"
        finally:
            log.append("close")

    async def page(limit: int = 10) -> int:
        return limit

    SessionDep = Annotated[str, Depends(session)]  # noqa: N806  # a type

    def twice(db: SessionDep) -> str:
        return db + "!"

    @fuse.rpc
    async def use(
        db: SessionDep, other: Annotated[str, Depends(twice)], limit: Annotated[int, Depends(page)]
    ) -> list[Any]:
        log.append("run")
        return [db, other, limit]

    caller = await connect()
    assert await caller.call("use") == ["session", "session!", 10]
    assert log == ["open", "run", "close"]
    # What a dependency asks of the caller is the caller's to give, by name.
    assert await caller.call("use", limit=25) == ["session", "session!", 25]
    if transport == "websocket":
        for attempt in ({"db": "mine"}, {"other": "mine"}):
            with pytest.raises(CallError, match="unexpected_keyword_argument"):
                await caller.call("use", **attempt)
        with pytest.raises(CallError, match="unexpected_positional_argument"):
            await caller.call("use", "mine")
    else:
        assert await caller.call("use", db="mine", other="mine") == ["session", "session!", 10]


async def test_a_dependency_closes_after_an_error_too(fuse: Fuse, connect: Connect) -> None:
    seen: list[str] = []

    def session() -> Iterator[str]:
        try:
            yield "s"
        except BudgetSpent:
            seen.append("rolled back")
            raise

    @fuse.rpc
    async def fail(db: Annotated[str, Depends(session)]) -> None:
        raise BudgetSpent(BudgetData(left=0))

    with pytest.raises(CallError, match="402 BUDGET_SPENT"):
        await (await connect()).call("fail")
    assert seen == ["rolled back"]


async def test_function_scope_closes_before_the_result(fuse: Fuse, connect: Connect) -> None:
    committed = asyncio.Event()

    async def session() -> AsyncGenerator[str]:
        yield "s"
        await asyncio.sleep(0)
        committed.set()

    @fuse.rpc
    async def save(db: Annotated[str, Depends(session, scope="function")]) -> None: ...

    await (await connect()).call("save")
    assert committed.is_set()


async def test_overridden_dependencies(fuse: Fuse, connect: Connect) -> None:
    def real() -> str:
        return "real"

    def fake(connection: HTTPConnection) -> str:
        return f"fake {bool(connection.headers['host'])}"

    @fuse.rpc
    async def which(db: Annotated[str, Depends(real)]) -> str:
        return db

    fuse.app.dependency_overrides[real] = fake
    assert await (await connect()).call("which") == "fake True"


async def test_headers_connection_call_and_identity_are_injected(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def inspect(
        connection: HTTPConnection,
        call: Call,
        me: Identity | None,
        authorization: Annotated[str | None, Header()] = None,
        user_agent: Annotated[str, Header()] = "",
    ) -> list[Any]:
        return [
            connection.headers["host"] != "",
            call.procedure,
            me and me.id,
            authorization,
            user_agent != "",
        ]

    assert await (await connect()).call("inspect") == [True, "inspect", None, None, True]
    assert await (await connect(token="ann")).call("inspect") == [True, "inspect", "ann", "Bearer ann", True]


async def test_who_is_calling(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc.get("/whoami")
    async def whoami() -> list[Any]:
        return [active_user(), is_rpc(), is_http()]

    websocket = transport == "websocket"
    assert await (await connect()).call("whoami") == [None, websocket, not websocket]
    assert await (await connect(token="ann")).call("whoami") == ["ann", websocket, not websocket]


async def test_auth_and_scopes(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(auth=True)
    async def members() -> str:
        return "in"

    @fuse.rpc(scopes=["admin"])
    async def admins() -> str:
        return "in"

    @fuse.rpc
    async def own(me: Identity) -> str:
        return me.id

    anonymous, ann = await connect(), await connect(token="ann")
    for name in ("members", "admins", "own"):
        with pytest.raises(CallError, match="401 UNAUTHENTICATED"):
            await anonymous.call(name)
    assert await ann.call("members") == "in"
    assert await ann.call("own") == "ann"
    with pytest.raises(CallError, match="403 FORBIDDEN"):
        await ann.call("admins")


async def test_one_limit_for_all_transports(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc.get("/rare", limit="3/h")
    async def rare() -> int:
        return 1

    ann, elsewhere, bob = (
        await connect(token="ann"),
        await connect(token="ann", on="http-json"),
        await connect(token="bob"),
    )
    assert await ann.call("rare") + await elsewhere.call("rare") + await ann.call("rare") == 3
    for spent in (ann, elsewhere):
        with pytest.raises(CallError) as caught:
            await spent.call("rare")
        assert (caught.value.status, caught.value.code) == (429, "RATE_LIMITED")
        assert 1 <= caught.value.data["retry_after"] <= 3600
    assert await bob.call("rare") == 1


async def test_background_tasks_run_after_the_result(fuse: Fuse, connect: Connect) -> None:
    ran = asyncio.Event()

    async def later() -> None:
        ran.set()

    @fuse.rpc
    async def work(tasks: BackgroundTasks) -> bool:
        tasks.add_task(later)
        return ran.is_set()

    assert await (await connect()).call("work") is False
    async with asyncio.timeout(5):
        await ran.wait()


async def test_values_travel_exactly(fuse: Fuse, connect: Connect, transport: str) -> None:
    class Everything(BaseModel):
        id: uuid.UUID
        price: Decimal
        when: datetime
        tags: set[str] = Field(default_factory=set)
        raw: bytes = b""

    value = Everything(
        id=uuid.UUID(int=7),
        price=Decimal("1.10"),
        when=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        raw=b"\xff\x00",
    )

    @fuse.rpc
    async def everything() -> Everything:
        return value

    @fuse.rpc
    async def size(blob: bytes) -> int:
        return len(blob)

    caller = await connect()
    got = await caller.call("everything")
    binary = transport in ("websocket", "http-msgpack")
    assert got == {
        "id": str(value.id),
        "price": "1.10",
        "when": value.when if binary else "2026-01-02T03:04:05Z",
        "tags": [],
        "raw": b"\xff\x00" if binary else "/wA=",
    }
    assert await caller.call("size", b"\xff\x00" if binary else "/wA=") == 2


async def test_calls_do_not_share_context_and_run_at_once(
    fuse: Fuse, connect: Connect, transport: str
) -> None:
    together = asyncio.Barrier(2)

    @fuse.rpc
    async def meet() -> str | None:
        async with asyncio.timeout(5):
            await together.wait()
        return active_user()

    ann, bob = await connect(token="ann"), await connect(token="bob")
    assert [*await asyncio.gather(ann.call("meet"), bob.call("meet"))] == ["ann", "bob"]


async def test_a_refused_identity_is_refused(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc
    async def ping() -> str:
        return "pong"

    if transport == "websocket":
        return  # the handshake's outcome has its own test
    with pytest.raises(CallError, match="401 UNAUTHENTICATED"):
        await (await connect(token="bad")).call("ping")


class OwnExit(BaseException):
    """Not an Exception: nothing in a server should ever let one through."""


async def test_whatever_is_raised_ends_its_call_alone(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        raise asyncio.CancelledError

    raising: dict[str, Callable[[], Any]] = {
        "misfit": lambda: BudgetSpent({"wrong": 1}),  # type: ignore[arg-type]
        "unwritable": lambda: HTTPException(409, {"x": object()}),
        "huge": lambda: HTTPException(409, {"x": 2**70}),
        "exit": lambda: SystemExit(3),
        "interrupt": KeyboardInterrupt,
        "generator_exit": GeneratorExit,
        "own": OwnExit,
        "group": lambda: ExceptionGroup("several", [ValueError()]),
        "stop": StopIteration,
        "stop_async": StopAsyncIteration,
        "cancelled": asyncio.CancelledError,
    }

    @fuse.rpc
    async def fail(how: str) -> None:
        raise raising[how]()

    @fuse.rpc
    def fail_in_a_thread(how: str) -> None:
        raise raising[how]()

    @fuse.rpc
    async def swallowed(db: Annotated[None, Depends(swallow)]) -> None:
        raise ValueError

    caller = await connect()
    for how in raising:
        for name in ("fail", "fail_in_a_thread"):
            if (name, how) == ("fail_in_a_thread", "cancelled"):
                continue  # a thread's future takes it as its own cancellation; nobody raises it there
            with pytest.raises(CallError) as caught:
                await caller.call(name, how)
            assert caught.value.code == "INTERNAL", (name, how)
            assert caught.value.id
    with pytest.raises(CallError, match="INTERNAL"):
        await caller.call("swallowed")


async def swallow() -> AsyncGenerator[None]:
    with contextlib.suppress(ValueError):
        yield


async def test_a_security_scope_does_not_open_a_session_twice(fuse: Fuse, connect: Connect) -> None:
    opened: list[int] = []

    async def session() -> int:
        opened.append(1)
        return len(opened)

    async def user(db: Annotated[int, Depends(session)]) -> int:
        return db

    @fuse.rpc
    async def both(
        who: Annotated[int, Security(user, scopes=["x"])], db: Annotated[int, Depends(session)]
    ) -> list[int]:
        return [who, db]

    assert await (await connect()).call("both") == [1, 1]


async def test_odd_keys_and_collections_travel(fuse: Fuse, connect: Connect, transport: str) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    @fuse.rpc
    async def keyed() -> dict[int, dict[uuid.UUID, bool]]:
        return {1: {uuid.UUID(int=2): True}}

    @fuse.rpc
    async def moments() -> set[datetime]:
        return {moment}

    @fuse.rpc
    async def blobs() -> frozenset[bytes]:
        return frozenset((b"\xff",))

    caller, binary = await connect(), transport in ("websocket", "http-msgpack")
    assert await caller.call("keyed") == {"1": {str(uuid.UUID(int=2)): True}}
    assert await caller.call("moments") == [moment if binary else "2026-01-02T03:04:05Z"]
    assert await caller.call("blobs") == [b"\xff" if binary else "/w=="]


async def test_a_naive_datetime_is_an_error_everywhere(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    @fuse.rpc
    async def when() -> list[datetime]:
        return [datetime(2026, 1, 2)]  # noqa: DTZ001  # that is the point

    with pytest.raises(CallError, match="INTERNAL"):
        await (await connect()).call("when")
    assert "naive datetime" in caplog.text


async def test_many_errors_are_cut_short(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def sum_up(numbers: list[int]) -> int:
        return sum(numbers)

    with pytest.raises(CallError) as caught:
        await (await connect()).call("sum_up", ["x"] * 500)
    assert len(caught.value.detail) == 51
    assert caught.value.detail[-1]["msg"].startswith("500 errors in all")
