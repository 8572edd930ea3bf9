"""The real app behind a real uvicorn, on a migrated database of its own: once on SQLite, once on PostgreSQL."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest
from fusewire.quota import MemoryLimiter

from app.backend.main import app, fuse
from app.backend.settings import ROOT, database_url
from app.backend.state import AppState
from tests.support.postgres import PostgresServer
from tests.support.server import serving

SECRET = "a secret of the tests, long enough to sign with"
PASSWORD = "correct horse battery"

numbers = count(1)


def migrate(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Alembic as a person would call it; `upgrade head` when nothing else is said."""
    command = [
        *(sys.executable, "-m", "alembic", "-c", "app/alembic.ini"),
        *(arguments or ("upgrade", "head")),
    ]
    environment = {"DATABASE_URL": url, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        migrate(server.create_database("migrated"))
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "app.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def empty_database(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'app.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"empty_{next(numbers)}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture
def database(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database, copied from one that was migrated once."""
    if backend == "sqlite":
        path = tmp_path / "app.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"test_{next(numbers)}"
    yield server.create_database(name, template="migrated")
    server.drop_database(name)


@pytest.fixture
async def host(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """`127.0.0.1:port` of the running app, in this event loop: what it did can be looked at directly."""
    monkeypatch.setenv("DATABASE_URL", database_url({"DATABASE_URL": database}))
    monkeypatch.setenv("JWT_SECRET", SECRET)
    for name in ("REDIS_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "COOKIE_SECURE"):
        monkeypatch.delenv(name, raising=False)
    forget_limits()
    async with serving(app) as address:
        yield address


@pytest.fixture
def running(host: str) -> AppState:
    state = app.state.running
    assert isinstance(state, AppState)
    return state


Browser = Callable[[], httpx.AsyncClient]


@pytest.fixture
async def new_browser(host: str) -> AsyncIterator[Browser]:
    """Browsers, in so far as they keep cookies; each is another person's."""
    async with AsyncExitStack() as stack:
        clients: list[httpx.AsyncClient] = []

        def make() -> httpx.AsyncClient:
            clients.append(httpx.AsyncClient(base_url=f"http://{host}"))
            stack.push_async_callback(clients[-1].aclose)
            return clients[-1]

        yield make


@pytest.fixture
def browser(new_browser: Browser) -> httpx.AsyncClient:
    return new_browser()


@pytest.fixture
async def member(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser of somebody who is logged in."""
    await register(browser)
    return browser


async def register(browser: httpx.AsyncClient, username: str = "dana") -> dict[str, str]:
    answer = await browser.post("/api/register", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    account: dict[str, str] = answer.json()
    return account


def forget_limits() -> None:
    """Limits are counted for as long as the process lives, and all tests share it."""
    limiter = fuse._services.pipeline._limiter
    assert isinstance(limiter, MemoryLimiter)
    limiter.forget()
