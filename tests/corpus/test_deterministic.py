"""The output is the same for every hash seed, whatever is imported and registered first."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.typescript import ROOT

SEEDS = range(20)


@pytest.mark.timeout(120)
def test_twenty_hash_seeds_and_orders_give_one_output() -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fingerprints = list(pool.map(_fingerprint, SEEDS))
    assert len(fingerprints) == len(SEEDS)
    assert len(set(fingerprints)) == 1, fingerprints


def _fingerprint(seed: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.corpus.shuffled", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
