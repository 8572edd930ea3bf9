"""The decoder and the machine under mutated vectors, random bytes, and frames made to be dear."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from tests.conformance import fuzz
from tests.conformance.bombs import BOMBS, cost_of

MOST_BYTES = 16 * 2**20
"""For a frame of 2 MiB: the decoder's copy of it, and what 10,000 elements and the answers take."""
MOST_SECONDS = 2.0
"""Of processor time, on a machine that has other work."""


@pytest.mark.timeout(180)
def test_twenty_thousand_inputs() -> None:
    report = fuzz.run(20_000, seed=1)
    assert report.finding == ""
    assert report.inputs == 20_000


def test_a_seed_gives_the_same_inputs_and_answers() -> None:
    one, again, other = fuzz.run(1_000, seed=5), fuzz.run(1_000, seed=5), fuzz.run(1_000, seed=6)
    assert one.digest == again.digest != other.digest
    assert list(islice(fuzz.inputs(5), 300)) == list(islice(fuzz.inputs(5), 300))


def test_an_exception_that_escapes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(data: bytes, sizes: Any) -> None:
        raise IndexError(data[0])

    monkeypatch.setattr(fuzz, "unpack", careless)
    assert "IndexError" in fuzz.run(10, seed=1).finding


def test_what_takes_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 0.0)
    assert "took" in fuzz.run(10, seed=1).finding


@pytest.mark.parametrize("name", BOMBS)
def test_what_a_frame_may_cost(name: str) -> None:
    cost = cost_of(BOMBS[name])
    assert cost.peak_bytes < MOST_BYTES, f"{cost.peak_bytes / 2**20:.1f} MiB"
    assert cost.seconds < MOST_SECONDS
