"""Where a WebSocket enters the app."""

import websockets
from fastapi import FastAPI, WebSocket
from fusewire import Fuse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.peer import call, connected
from tests.support.server import serving


def app_with() -> FastAPI:
    app = FastAPI()
    fuse = Fuse(app)

    @fuse.rpc
    async def add(a: int, b: int) -> int:
        return a + b

    return app


async def test_middleware_of_the_app_sees_every_connection() -> None:
    app = app_with()
    seen: list[str] = []

    class Watching:
        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["type"])
            await self._app(scope, receive, send)

    app.add_middleware(Watching)
    async with serving(app) as host, connected(host) as peer:
        assert await peer.result(call(1, "add", 1, 2)) == 3
    assert "websocket" in seen


async def test_a_mounted_app_is_found_too() -> None:
    outer = FastAPI()
    outer.mount("/inner", app_with())
    async with serving(outer) as host, connected(host, path="/inner/_ws") as peer:
        assert await peer.result(call(1, "add", 1, 2)) == 3


async def test_other_websockets_of_the_app_are_its_own() -> None:
    app = app_with()

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    async with serving(app) as host, websockets.connect(f"ws://{host}/echo") as socket:
        await socket.send("hi")
        assert await socket.recv() == "hi"
