"""A person's journey in a real Chromium, through the gateway of production, two workers, PostgreSQL and Valkey."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topology.compose import ROOT
from tests.topology.native import Topology


@pytest.fixture
def door(site: Topology, tmp_path: Path) -> Iterator[Path]:
    """A file: while it is there the backend is stopped, as Docker stops it, and afterwards it is started again."""
    door, over = tmp_path / "door", threading.Event()

    def keep() -> None:
        while not over.wait(0.05):
            backend = site.processes["backend"]
            if door.exists() and backend.alive:
                backend.stop(signal.SIGTERM, 40.0)
            elif not door.exists() and not backend.alive:
                site.start("backend")

    keeper = threading.Thread(target=keep)
    keeper.start()
    yield door
    door.unlink(missing_ok=True)
    over.set()
    keeper.join(60)


@pytest.mark.timeout(300)
def test_the_journey_passes_through_production(site: Topology, door: Path) -> None:
    command = ["npx", "--no-install", "vitest", "run", "journey.test.ts", "recovery.test.ts"]
    environment = os.environ | {"FUSEWIRE_SITE": f"http://{site.host}", "FUSEWIRE_DOOR": str(door)}
    done = subprocess.run(
        command,
        cwd=ROOT / "tests/e2e",
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
