"""The topology of docker-compose.yml without Docker. A server that cannot be found is a failure, not a skip."""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.topology.compose import PRODUCTION, ROOT, load
from tests.topology.native import Topology

TEST_APP = "tests.topology.app:app"

# What a person has in .env, and the address that nginx has on this machine.
ENVIRONMENT = {
    "POSTGRES_PASSWORD": secrets.token_urlsafe(),
    "JWT_SECRET": secrets.token_urlsafe(48),
    "GATEWAY_SUBNET": "127.0.0.1/32",
}

StartGateway = Callable[[], Topology]


@pytest.fixture(scope="session")
def production() -> dict[str, Any]:
    return load(PRODUCTION, ENVIRONMENT)


@pytest.fixture(scope="session")
def ended_with_care() -> Iterator[None]:
    """A run that is told to end (a cancelled job) stops what it started, as after Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def servers(
    production: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, ended_with_care: None
) -> Iterator[Topology]:
    """PostgreSQL and Valkey, once for all."""
    topology = Topology(production, tmp_path_factory.mktemp("servers"))
    try:
        topology.start("postgres")
        topology.start("redis")
        yield topology
    finally:
        topology.stop()


@pytest.fixture(scope="session")
def start_gateway(
    production: dict[str, Any], servers: Topology, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartGateway]:
    """Starts nginx and the backend's own command around tests/topology/app.py; stopped at the end."""
    with ExitStack() as stack:

        def start() -> Topology:
            folder = tmp_path_factory.mktemp("gateway")
            topology = Topology(production, folder, application=TEST_APP, shared=servers)
            stack.callback(topology.stop)
            topology.start("backend", TOPOLOGY_FOLDER=str(folder))
            topology.start("nginx")
            return topology

        yield start


@pytest.fixture(scope="session")
def gateway(start_gateway: StartGateway) -> Topology:
    return start_gateway()


@pytest.fixture(scope="session")
def built_page() -> None:
    """`node build` needs a build: made when there is none, or when the sources are newer."""
    frontend, built = ROOT / "app/frontend", ROOT / "app/frontend/build/index.js"
    sources = [
        path for folder in ("src", "static") for path in (frontend / folder).rglob("*") if path.is_file()
    ]
    sources += [*frontend.glob("*.config.*"), frontend / "package.json", ROOT / "client-ts/dist/index.js"]
    if built.exists() and built.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return
    build = ["npm", "run", "--silent", "build", "--workspace", "fusewire-app-frontend"]
    done = subprocess.run(build, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(
    production: dict[str, Any],
    servers: Topology,
    built_page: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Topology]:
    """All of production, with the real app."""
    topology = Topology(production, tmp_path_factory.mktemp("site"), shared=servers)
    try:
        topology.run("migrate")
        topology.start("backend")
        topology.start("frontend")
        topology.start("nginx")
        yield topology
    finally:
        topology.stop()
