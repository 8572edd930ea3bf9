"""What the caller fills: plain parameters, `Body`, `Query` and `Path`, on every transport."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import Body, Path, Query
from fusewire import Fuse
from pydantic import BaseModel, Field

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


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


async def test_many_errors_are_cut_short(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def sum_up(numbers: list[int]) -> int:
        return sum(numbers)

    with pytest.raises(CallError) as caught:
        await (await connect()).call("sum_up", ["x"] * 500)
    assert len(caught.value.detail) == 51
    assert caught.value.detail[-1]["msg"].startswith("500 errors in all")


class Book(BaseModel):
    title: str = Field(min_length=2)
    pages: int = 1


async def test_where_a_parameter_lies_is_no_matter_to_who_calls(fuse: Fuse, connect: Connect) -> None:
    """Path, body and query of one procedure: by position in their order, by name, and held to their constraints."""

    @fuse.rpc.post("/shelves/{shelf}/{place:path}")
    async def put(
        shelf: Annotated[int, Path(ge=1)],
        place: str,
        book: Book,
        note: Annotated[str, Body(max_length=5)] = "",
        *,
        copies: Annotated[int, Body(gt=0)] = 1,
    ) -> list[Any]:
        return [shelf, place, book.title, book.pages, note, copies]

    caller, book = await connect(), {"title": "ab"}
    assert await caller.call("put", 1, "a/b", book) == [1, "a/b", "ab", 1, "", 1]
    assert await caller.call("put", 1, "a/b", book, "new", copies=2) == [1, "a/b", "ab", 1, "new", 2]
    assert await caller.call("put", place="a", book=book, shelf=3) == [3, "a", "ab", 1, "", 1]
    with pytest.raises(CallError) as caught:
        await caller.call("put", 0, "a", {"title": "a", "pages": "x"}, "too long", copies=0)
    assert [(e["type"], e["loc"]) for e in caught.value.detail] == [
        ("greater_than_equal", ["path", "shelf"]),
        ("string_too_short", ["body", "book", "title"]),
        ("int_parsing", ["body", "book", "pages"]),
        ("string_too_long", ["body", "note"]),
        ("greater_than", ["body", "copies"]),
    ]


async def test_a_query_parameter_beside_a_body(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def search(text: str, debug: Annotated[bool, Query()] = False) -> list[Any]:
        return [text, debug]

    caller = await connect()
    assert await caller.call("search", "a", debug=True) == ["a", True]
    assert await caller.call("search", "a", True) == ["a", True]


async def test_a_query_parameter_beside_a_single_model(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def save(book: Book, draft: Annotated[bool, Query()] = False) -> list[Any]:
        return [book.title, draft]

    caller = await connect()
    assert await caller.call("save", {"title": "ab"}) == ["ab", False]
    assert await caller.call("save", {"title": "ab"}, True) == ["ab", True]
    assert await caller.call("save", draft=True, book={"title": "ab"}) == ["ab", True]


async def test_an_alias_is_for_rest_and_the_name_for_clients(
    fuse: Fuse, connect: Connect, transport: str
) -> None:
    @fuse.rpc
    async def body(first: Annotated[int, Body(alias="First")], second: int) -> list[int]:
        return [first, second]

    @fuse.rpc.get
    async def query(first: Annotated[int, Query(alias="First")], second: int = 2) -> list[int]:
        return [first, second]

    @fuse.rpc.get("/things/{First}/{second}")
    async def path(first: Annotated[int, Path(alias="First")], second: int) -> list[int]:
        return [first, second]

    caller = await connect()
    for name in ("body", "query", "path"):
        assert await caller.call(name, first=1, second=2) == [1, 2]
        assert await caller.call(name, 1, 2) == [1, 2]
    # Over HTTP the documented alias counts too; over WebSocket there is one name for each parameter.
    if transport == "websocket":
        with pytest.raises(CallError, match="unexpected_keyword_argument"):
            await caller.call("body", First=1, second=2)
    else:
        assert await caller.call("body", First=1, second=2) == [1, 2]


async def test_a_single_model_and_how_it_is_embedded(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def bare(book: Book) -> str:
        return book.title

    @fuse.rpc
    async def embedded(book: Annotated[Book, Body(embed=True)]) -> str:
        return book.title

    @fuse.rpc
    async def optional(book: Book | None = None) -> str:
        return book.title if book is not None else "none"

    caller, book = await connect(), {"title": "ab"}
    for name in ("bare", "embedded", "optional"):
        assert await caller.call(name, book) == "ab"
        assert await caller.call(name, book=book) == "ab"
    assert await caller.call("optional") == "none"
    for name, place in (("bare", ["body", "title"]), ("embedded", ["body", "book", "title"])):
        with pytest.raises(CallError) as caught:
            await caller.call(name, {"title": "a"})
        assert [e["loc"] for e in caught.value.detail] == [place]


async def test_absent_and_none_are_two_things(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def said(a: int | None = 1, b: list[int] | None = None, c: list[int] = []) -> list[Any]:  # noqa: B006  # that is the point
        c.append(1)
        return [a, b, c]

    caller = await connect()
    assert await caller.call("said") == [1, None, [1]]
    # A default that a call has changed is whole again for the next.
    assert await caller.call("said", None, [2]) == [None, [2], [1]]
    with pytest.raises(CallError, match="422"):
        await caller.call("said", 1, None, None)


async def test_a_default_that_is_made_for_each_call(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def made(
        a: Annotated[list[int], Body(default_factory=list)], b: int = Body(default=3, gt=2)
    ) -> Any:
        a.append(b)
        return a

    caller = await connect()
    for _ in range(2):
        assert await caller.call("made") == [3]
    with pytest.raises(CallError, match="greater_than"):
        await caller.call("made", b=1)
