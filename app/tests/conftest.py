"""The real app behind a real uvicorn, on a database of its own, asked over REST."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from app.backend.main import app

START_SECONDS = 10.0


class Server(uvicorn.Server):
    """Tells when it is up, so that nobody has to poll."""

    def __init__(self) -> None:
        super().__init__(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none"))
        self.up = threading.Event()

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self.up.set()

    @property
    def url(self) -> str:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"


@contextmanager
def serving() -> Iterator[httpx.Client]:
    """A browser, in so far as it keeps cookies."""
    server = Server()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.up.wait(START_SECONDS)
        with httpx.Client(base_url=server.url) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "data" / "app.sqlite"
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def browser(database: Path) -> Iterator[httpx.Client]:
    with serving() as client:
        yield client


@pytest.fixture
def visitor(browser: httpx.Client) -> httpx.Client:
    """A browser that has its session cookie."""
    assert browser.post("/api/session").status_code == 200
    return browser
