"""The services of docker-compose.yml as processes of this machine.

Each runs its own command with its own environment and is ready when its own health check says so. What differs is only
what has to: `backend:8000` is `127.0.0.1` with a free port, `/srv` is this repository, and PostgreSQL and Valkey get a folder.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tests.support import valkey
from tests.support.nginx import NginxServer
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.topology.compose import ROOT

PORTS = {"postgres": 5432, "redis": 6379, "backend": 8000, "frontend": 3000, "nginx": 8080}
PATIENCE_SECONDS = 40.0
APP = "app.backend.main:app"


def until(condition: Callable[[], bool], what: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Asks again and again, for what has no event to wait for."""
    deadline = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {patience_seconds:.0f} s still not: {what}")
        time.sleep(0.02)


class Process:
    """A command that leads a process group of its own. Stopped as Docker stops it: the signal goes to the leader alone."""

    def __init__(
        self, name: str, command: list[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        self.pid = self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def log(self) -> str:
        return self._log.read_text()

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, patience_seconds: float) -> int:
        return self._popen.wait(patience_seconds)

    def stop(self, number: int, grace_seconds: float) -> None:
        """Ask, wait, insist. What the leader left behind goes too."""
        if self.alive:
            self.signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.wait(grace_seconds)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(10)


class Topology:
    """Services by name, started one by one and stopped together in the opposite order.

    `application` takes the place of the app in the backend's command. `shared` is a topology whose servers stand in for
    services that are not started here.
    """

    def __init__(
        self,
        compose: Mapping[str, Any],
        folder: Path,
        *,
        application: str = APP,
        shared: Topology | None = None,
        container_ports: Mapping[str, int] = PORTS,
    ) -> None:
        self._services: Mapping[str, Any] = compose["services"]
        self.folder = folder
        self._application = application
        self._container_ports = container_ports
        self.ports = {name: free_port() for name in container_ports}
        if shared is not None:
            self.ports |= {name: shared.ports[name] for name in ("postgres", "redis")}
        self._stack = ExitStack()
        self._logs: dict[str, Callable[[], str]] = {}
        self._programs: list[str] = []
        self.processes: dict[str, Process] = {}
        self.host = ""
        """Where nginx listens, as `127.0.0.1:port`."""

    def log(self, name: str) -> str:
        return self._logs[name]()

    def command(self, name: str) -> list[str]:
        words = [self._native(name, word) for word in self._services[name]["command"]]
        return [word.replace(APP, self._application) for word in words]

    def environment(self, name: str) -> dict[str, str]:
        return {
            key: self._native(name, str(value)) for key, value in self._services[name]["environment"].items()
        }

    def start(self, name: str, **settings: str) -> None:
        """Returns when the service's health check passes. `settings` are added to its environment."""
        match name:
            case "postgres":
                self._start_postgres()
            case "redis":
                self._start_redis()
            case "nginx":
                self._start_nginx()
            case _:
                process = self._spawn(name, settings)
                self._wait_for(process, lambda: self.healthy(name))

    def healthy(self, name: str) -> bool:
        """What the service's health check says."""
        kind, *command = (self._native(name, word) for word in self._services[name]["healthcheck"]["test"])
        assert kind == "CMD"
        environment = self._surroundings()
        done = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=10)
        return done.returncode == 0

    def run(self, name: str) -> None:
        """A service that ends by itself. Raises `AssertionError` when it fails."""
        process = self._spawn(name, {})
        assert process.wait(PATIENCE_SECONDS) == 0, process.log()

    def stop(self) -> None:
        self._stack.close()

    def _spawn(self, name: str, settings: Mapping[str, str]) -> Process:
        service = self._services[name]
        process = Process(
            name,
            self.command(name),
            {**self._surroundings(), **self.environment(name), **settings},
            Path(self._native(name, service["working_dir"])),
            self.folder / f"{name}.log",
        )
        self.processes[name] = process
        self._logs[name] = process.log
        number = signal.Signals[service.get("stop_signal", "SIGTERM")]
        self._stack.callback(process.stop, number, 5.0)
        return process

    def _start_postgres(self) -> None:
        program, *arguments = self.command("postgres")
        assert program == "postgres"
        environment = self.environment("postgres")
        server = PostgresServer(
            user=environment["POSTGRES_USER"],
            databases=[environment["POSTGRES_DB"]],
            options=[word for word in arguments if word != "-c"],
        )
        self._stack.enter_context(server)
        self.ports["postgres"] = server.port
        self._logs["postgres"] = str
        self._programs.append(str(Path(server.program("pg_isready")).parent))
        assert self.healthy("postgres")

    def _start_redis(self) -> None:
        program, *arguments = self.command("redis")
        assert program == "valkey-server"
        port = self.ports["redis"]
        folder = self.folder / "redis"
        folder.mkdir()
        process = Process(
            "redis",
            [valkey.binary(), *arguments, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)],
            self._surroundings(),
            folder,
            self.folder / "redis.log",
        )
        self._stack.callback(process.stop, signal.SIGTERM, 5.0)
        self._logs["redis"] = process.log
        # Its health check needs valkey-cli, which the package has not.
        self._wait_for(process, lambda: answers_ping(port))

    def _start_nginx(self) -> None:
        server = NginxServer(self.environment("nginx"), command=self.command("nginx"))
        self._stack.enter_context(server)
        self.ports["nginx"] = server.port
        self._logs["nginx"] = server.log
        self.host = server.host
        until(lambda: self.healthy("nginx"), "nginx is healthy")

    def _wait_for(self, process: Process, healthy: Callable[[], bool]) -> None:
        def ready() -> bool:
            assert process.alive, f"{process.name} ended:\n{process.log()}"
            return healthy()

        try:
            until(ready, f"{process.name} is healthy")
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{process.log()}") from None

    def _native(self, name: str, text: str) -> str:
        for other, port in self._container_ports.items():
            text = text.replace(f"@{other}:{port}", f"@127.0.0.1:{self.ports[other]}")
            text = re.sub(rf"(^|//){other}:{port}\b", rf"\g<1>127.0.0.1:{self.ports[other]}", text)
        if name in self._container_ports:
            text = re.sub(rf"(?<![\w.]){self._container_ports[name]}(?!\w)", str(self.ports[name]), text)
        text = re.sub(r"^/srv(?=/|$)", str(ROOT), text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def _surroundings(self) -> dict[str, str]:
        """What an image would bring along: the programs, and nothing of the tester's own environment."""
        python = str(Path(sys.executable).parent)
        return {
            "PATH": os.pathsep.join((python, *self._programs, os.environ["PATH"])),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }


def answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
