"""Real servers beside a test: started on free loopback ports, ended by their own pids."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from tests.support.ports import free_port


class Started(ABC):
    """Runs as long as its block, or from `start()` to `remove()`."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    @abstractmethod
    def start(self) -> None:
        """Wait until it answers. Raises `RuntimeError` when it does not."""

    @abstractmethod
    def remove(self) -> None:
        """End it, and leave nothing behind."""


class Program(Started):
    """One of them, with a folder of its own. After `stop()` it may be started again, on the same port."""

    patience_seconds: ClassVar[float] = 10.0
    """How long it may take to begin, and to end."""
    end_signal: ClassVar[signal.Signals]

    def __init__(self, name: str) -> None:
        self.port = free_port()
        self._name = name
        self._folder = Path(tempfile.mkdtemp(prefix=f"fusewire-{name.lower()}-"))
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def log(self) -> str:
        """Everything that it wrote."""
        return self._log.read_text()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(self.end_signal)
        try:
            self._process.wait(self.patience_seconds)
        except subprocess.TimeoutExpired:
            self._kill(self._process)
            self._process.wait()
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _launch(self, command: Sequence[str], **options: Any) -> None:
        """`options` are those of `subprocess.Popen`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        deadline = time.monotonic() + self.patience_seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._name} did not start:\n{self.log()}")
            time.sleep(0.01)

    @abstractmethod
    def _answers(self) -> bool: ...

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
