import asyncio
import logging

import pytest

from app.backend.background import Background


async def test_work_runs_after_the_call_and_is_cancelled_at_the_end() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Background() as background:
        background.start("a", work())
        await asyncio.sleep(0)
        assert "a" in background
    assert ended.is_set()
    assert "a" not in background


async def test_a_failure_is_logged_and_stays_alone(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()

    async def fail() -> None:
        raise RuntimeError("broken")

    async def succeed() -> None:
        done.set()

    with caplog.at_level(logging.ERROR):
        async with Background() as background:
            background.start("a", fail())
            background.start("b", succeed())
            await done.wait()
    assert "background work failed" in caplog.text


async def test_it_says_when_it_is_full() -> None:
    async with Background(max_tasks=1) as background:
        assert not background.full
        background.start("a", asyncio.sleep(60))
        assert background.full
