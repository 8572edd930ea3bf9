"""What `Depends` and `Security` fill, on every transport; never the caller."""

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Body, Cookie, Depends, Header, HTTPException, Security
from fastapi.security import SecurityScopes
from fusewire import Call, Fuse, Identity, Router, RpcError
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


class BudgetData(BaseModel):
    left: int


class BudgetSpent(RpcError[BudgetData], status=402):
    """No money left."""


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


async def test_nested_dependencies_run_once_a_call(fuse: Fuse, connect: Connect) -> None:
    made: list[str] = []

    async def settings() -> int:
        made.append("settings")
        return len(made)

    def left(n: Annotated[int, Depends(settings)]) -> int:
        return n

    async def right(n: Annotated[int, Depends(settings)]) -> int:
        return n

    async def anew(n: Annotated[int, Depends(settings, use_cache=False)]) -> int:
        return n

    @fuse.rpc
    async def both(
        one: Annotated[int, Depends(left)],
        two: Annotated[int, Depends(right)],
        three: Annotated[int, Depends(anew)],
    ) -> list[int]:
        return [one, two, three]

    caller = await connect()
    assert await caller.call("both") == [1, 1, 2]
    assert await caller.call("both") == [3, 3, 4]


class Page:
    def __init__(self, limit: Annotated[int, Body(le=100)] = 10, offset: int = 0) -> None:
        self.limit, self.offset = limit, offset


class Checker:
    """An instance as a dependency, sync and async alike."""

    def __init__(self, word: str) -> None:
        self.word = word

    async def __call__(self, text: str) -> str:
        return f"{self.word} {text}"


class SyncChecker(Checker):
    def __call__(self, text: str) -> str:  # type: ignore[override]  # that is the point
        return f"{self.word} {text} {threading.current_thread() is threading.main_thread()}"


async def test_classes_and_instances_as_dependencies(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def find(
        text: str,
        page: Annotated[Page, Depends()],
        hello: Annotated[str, Depends(Checker("hello"))],
        bye: Annotated[str, Depends(SyncChecker("bye"))],
    ) -> list[Any]:
        return [page.limit, page.offset, hello, bye]

    caller = await connect()
    assert await caller.call("find", "ann") == [10, 0, "hello ann", "bye ann False"]
    assert await caller.call("find", "ann", limit=5, offset=7) == [5, 7, "hello ann", "bye ann False"]
    with pytest.raises(CallError) as caught:
        await caller.call("find", limit=101)
    assert {(e["type"], e["loc"][-1]) for e in caught.value.detail} == {
        ("missing", "text"),
        ("less_than_equal", "limit"),
    }


class Note(BaseModel):
    text: str


async def test_no_caller_fills_what_is_not_theirs(fuse: Fuse, connect: Connect, transport: str) -> None:
    """By name, by position, by an alias, inside a model: a dependency keeps its own word on every transport."""

    def current_user() -> str:
        return "real"

    def session(me: Annotated[str, Depends(current_user)]) -> Iterator[str]:
        yield me

    @fuse.rpc
    async def write(
        note: Note,
        db: Annotated[str, Depends(session)],
        me: Identity | None,
        call: Call,
        connection: HTTPConnection,
        tasks: BackgroundTasks,
        user_agent: Annotated[str | None, Header()] = None,
        role: Annotated[str, Cookie()] = "none",
    ) -> list[Any]:
        return [note.text, db, me and me.id, call.procedure, connection.url.path != "", user_agent, role]

    caller = await connect(token="ann", headers={"user-agent": "agent"})
    truth = ["a", "real", "ann", "write", True, "agent", "none"]
    forged: Any = {"id": "root", "scopes": ["admin"]}
    names = "db me call connection tasks user_agent user-agent role current_user session"
    assert await caller.call("write", {"text": "a"}) == truth
    assert await caller.call("write", {"text": "a", **dict.fromkeys(names.split(), forged)}) == truth
    for name in names.split():
        if transport == "websocket":
            with pytest.raises(CallError, match="unexpected_keyword_argument"):
                await caller.call("write", {"text": "a"}, **{name: forged})
            with pytest.raises(CallError, match="unexpected_positional_argument"):
                await caller.call("write", {"text": "a"}, forged)
        else:
            # The body is the note itself, so a wrapped one does not fit; nothing beside it is looked at.
            with pytest.raises(CallError, match="422"):
                await caller.call("write", **{name: forged, "note": {"text": "a"}})


async def test_a_query_fills_no_dependency_either(fuse: Fuse, connect: Connect, transport: str) -> None:
    def current_user() -> str:
        return "real"

    @fuse.rpc.get
    async def mine(me: Annotated[str, Depends(current_user)], n: int = 0) -> list[Any]:
        return [me, n]

    caller = await connect()
    if transport != "websocket":
        assert await caller.call("mine", n=1, me="root", current_user="root") == ["real", 1]
    else:
        with pytest.raises(CallError, match="unexpected_keyword_argument"):
            await caller.call("mine", n=1, me="root")


async def test_dependencies_of_a_decorator_and_of_routers_guard(fuse: Fuse, connect: Connect) -> None:
    ran: list[str] = []

    def guard(name: str) -> Callable[[str], Awaitable[None]]:
        async def check(word: str = "") -> None:
            ran.append(name)
            if word == name:
                raise HTTPException(403, name)

        return check

    router = Router(dependencies=[Depends(guard("router"))])

    @router(dependencies=[Depends(guard("own"))])
    async def enter(n: int) -> str:
        ran.append("run")
        return "in"

    fuse.include_router(router, dependencies=[Depends(guard("outer"))])
    caller = await connect()
    assert await caller.call("enter", 1) == "in"
    assert ran == ["outer", "router", "own", "run"]
    for name in ("outer", "router", "own"):
        # Who may not call at all is told that before what is wrong with the arguments.
        with pytest.raises(CallError, match=f"403 FORBIDDEN: {name}"):
            await caller.call("enter", "x", word=name)
    assert ran.count("run") == 1


async def test_security_scopes_gather_on_the_way_down(fuse: Fuse, connect: Connect) -> None:
    def user(scopes: SecurityScopes) -> list[str]:
        return scopes.scopes

    def active(found: Annotated[list[str], Security(user, scopes=["me"])]) -> list[str]:
        return found

    @fuse.rpc
    async def items(
        nested: Annotated[list[str], Security(active, scopes=["items"])],
        plain: Annotated[list[str], Depends(user)],
    ) -> list[list[str]]:
        return [nested, plain]

    assert await (await connect()).call("items") == [["items", "me"], []]
