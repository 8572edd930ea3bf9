"""docs/server.md does what it says."""

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fusewire import Call, Router, RpcError
from fusewire.procedures.options import Options
from fusewire.testing import connect

PAGE = Path(__file__).parents[3] / "docs" / "server.md"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "notes.py").write_text("\n\n".join(blocks))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "notes", raising=False)
    app: FastAPI = import_module("notes").app
    return app


async def test_calls_and_streams(app: FastAPI) -> None:
    async with connect(app) as client:
        assert await client.write("one two") == {"id": 0, "text": "one two"}
        assert await client.read(0) == {"id": 0, "text": "one two"}
        with pytest.raises(RpcError, match="Missing") as missing:
            await client.read(7)
        assert (missing.value.code, missing.value.data) == ("MISSING", 7)
        assert [word async for word in client.words(0)] == ["one", "two"]
        assert await client.greeting() == "Dear diary"


async def test_who_is_calling(app: FastAPI) -> None:
    async with connect(app, token="ann") as ann, connect(app, token="bob") as bob, connect(app) as nobody:
        assert await ann.whoami() == "ann over websocket"
        assert await ann.clear() == 0
        for client, code in ((bob, "FORBIDDEN"), (nobody, "UNAUTHENTICATED")):
            with pytest.raises(RpcError) as refused:
                await client.clear()
            assert refused.value.code == code
    with pytest.raises(RpcError) as unknown:
        async with connect(app, token="eve"):
            pass
    assert unknown.value.code == "UNAUTHENTICATED"


async def test_events(app: FastAPI) -> None:
    async with connect(app, token="ann") as ann, connect(app, token="bob") as bob, connect(app) as nobody:
        await bob.enter("hall")
        await ann.mark_read(3, "hall")
        event = {"id": 3, "by": "ann"}
        assert [await ann.event("NoteRead") for _ in range(2)] == [event] * 2
        assert [await bob.event("NoteRead") for _ in range(3)] == [event] * 3
        assert await nobody.event("NoteRead") == event


async def test_rest_and_a_login(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        assert (await http.post("/api/notes/write", json={"text": "x"})).json() == {"id": 0, "text": "x"}
        assert (await http.get("/api/notes/0")).json() == {"id": 0, "text": "x"}
        assert (await http.get("/api/notes/9")).json() == {"code": "MISSING", "detail": "Missing", "data": 9}
        assert (await http.post("/api/whoami")).status_code == 401
        await http.post("/api/login", json={"name": "bob"})
        assert (await http.post("/api/whoami")).json() == "bob over http"


@pytest.mark.parametrize(
    "header", ["authorization", "content-type", "fusewire-timeout", "idempotency-key"]
)  # those that the TypeScript client sends
async def test_a_page_on_another_host_may_call(app: FastAPI, header: str) -> None:
    origin = {"origin": "https://admin.example.com"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": header}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        allowed = await http.options("/api/login", headers=origin | asked)
        assert (allowed.status_code, allowed.text) == (200, "OK")
        answer = await http.post("/api/login", json={"name": "bob"}, headers=origin)
        for response in (allowed, answer):
            assert response.headers["access-control-allow-origin"] == "https://admin.example.com"
            assert response.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-expose-headers"] == "fusewire-calls"
        stranger = {"origin": "https://evil.example"}
        assert (await http.options("/api/login", headers=stranger | asked)).status_code == 400


OF_THE_FRAMEWORK = {"hub", "threads"}
"""Members of `Call` that are no app's affair."""


def rows(title: str) -> list[str]:
    """The first column of the table that has this heading."""
    table = PAGE.read_text().partition(f"\n| {title} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)


def test_the_page_lists_each_option() -> None:
    said = re.findall(r"`(\w+)`( R)?", "\n".join(rows("option")))
    assert {name for name, _ in said} == set(Options.__dataclass_fields__)
    of_a_router = set(inspect.signature(Router).parameters) - {"prefix", "namespace"}
    assert {name for name, router in said if router} == of_a_router


def test_the_page_lists_each_member_of_a_call() -> None:
    said = re.findall(r"`(\w+)`", "\n".join(rows("`Call`")))
    assert set(said) == {name for name in vars(Call) if not name.startswith("_")} - OF_THE_FRAMEWORK
