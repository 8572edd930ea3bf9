import asyncio

import httpx
import pytest
from fusewire.wire import messages as m

from app.backend.identity import COOKIE
from app.backend.rpc import jobs
from app.tests.conftest import Browser, register
from tests.support.peer import Peer, connected


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "STEP_SECONDS", 0.01)


async def start(browser: httpx.AsyncClient, **body: object) -> httpx.Response:
    return await browser.post("/api/jobs/start_job", json={"job_id": "report", **body})


async def until_done(peer: Peer) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    async with asyncio.timeout(10):
        while not seen or seen[-1][1] < 100:
            message = await peer.next()
            if isinstance(message, m.Event):
                seen.append((message.value["job_id"], message.value["progress"]))
    return seen


async def test_starting_needs_an_account(browser: httpx.AsyncClient) -> None:
    refused = await start(browser)
    assert refused.status_code == 401
    assert refused.json()["code"] == "UNAUTHENTICATED"


async def test_progress_reaches_each_tab_of_the_person_and_nobody_else(
    host: str, member: httpx.AsyncClient, new_browser: Browser
) -> None:
    stranger = new_browser()
    await register(stranger, "eli")
    async with (
        connected(host, token=member.cookies[COOKIE]) as one,
        connected(host, token=member.cookies[COOKIE]) as two,
        connected(host, token=stranger.cookies[COOKIE]) as other,
    ):
        await start(member)
        seen = await until_done(one)
        assert seen == await until_done(two)
        assert [progress for _, progress in seen] == [*range(0, 100, 5), 100]
        # Their own job comes through on the same connection, later than the other person's would have.
        await start(stranger, job_id="own")
        assert {job for job, _ in await until_done(other)} == {"own"}


async def test_a_job_starts_once(member: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "STEP_SECONDS", 10)
    assert (await start(member)).json() == {"job_id": "report", "started": True}
    second = await start(member)
    assert second.status_code == 409
    assert second.json() == {"code": "JOB_RUNNING", "detail": "report is running already"}


async def test_a_dry_run_starts_nothing(member: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await start(member, dry_run=True)).json() == {"job_id": "report", "started": False}
