"""The short mix: real workers, a real Redis, and what breaks between them."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults import mix
from tests.faults.world import Load, World, world

pytestmark = pytest.mark.timeout(240)

DELIVERIES = 200_000
"""That are owed in all: so many rounds there are, each with faults at other moments. On a quiet machine two are enough."""
MOST_ROUNDS = 8
CROWD = Load(listeners=40, rate=200.0, batch=50)


def assert_calls_are_whole(made: World) -> None:
    calls = made.calls()
    assert calls.made > 0
    assert (calls.unsettled, calls.twice, calls.wrong) == (0, 0, [])


async def test_nothing_is_lost_while_redis_keeps_what_it_has() -> None:
    """Links of all kinds are cut, Redis is restarted, frames are jumbled, one worker of three is killed, all are replaced under load."""
    owed = 0
    for seed in range(1, MOST_ROUNDS + 1):
        async with world(seed=seed) as made:
            await made.begin(CROWD)
            began, ended = await mix.one_round(made)
            await made.finish()
            report = made.events()
            assert report.faults == []
            assert (report.missing, report.gaps) == (0, 0)
            assert_calls_are_whole(made)
            deployed = made.calls(began, ended)
            assert deployed.made > 0
            assert deployed.failed == {}, "accepted calls are finished before their worker goes"
            assert made.failures() == []
        owed += report.owed
        if owed >= DELIVERIES:
            return
    pytest.fail(f"{owed:,} deliveries in {MOST_ROUNDS} rounds: this machine is too slow for them")


async def test_what_redis_has_lost_is_told() -> None:
    async with world(2, durable=False) as made:
        await made.begin(Load(listeners=8, callers=2))
        await mix.restart_redis(made)
        await asyncio.sleep(1)
        await mix.lose_redis_while_away(made)
        await asyncio.sleep(1)
        await made.finish()
        report = made.events()
        assert report.faults == []
        assert report.gaps > 0
        assert_calls_are_whole(made)
        assert made.failures() == []
