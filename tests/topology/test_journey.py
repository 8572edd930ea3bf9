"""A person's journey in a real Chromium, through the gateway of production, two workers, PostgreSQL and Valkey."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.topology.compose import ROOT
from tests.topology.native import Topology


@pytest.mark.timeout(300)
def test_the_journey_passes_through_production(site: Topology) -> None:
    command = ["npx", "--no-install", "vitest", "run", "journey.test.ts"]
    environment = os.environ | {"FUSEWIRE_SITE": f"http://{site.host}"}
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
