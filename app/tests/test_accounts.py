import asyncio
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from app.backend.identity import COOKIE
from app.backend.state import AppState
from app.tests.conftest import PASSWORD, SECRET, Browser, register


async def log_in(
    browser: httpx.AsyncClient, username: str = "dana", password: str = PASSWORD
) -> httpx.Response:
    return await browser.post("/api/login", json={"username": username, "password": password})


def signed(**changes: Any) -> str:
    now = datetime.now(UTC)
    claims = {"sub": str(uuid4()), "iat": now, "exp": now + timedelta(hours=1)} | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, SECRET, "HS256")


async def test_register_log_out_log_in(browser: httpx.AsyncClient) -> None:
    made = await register(browser, " Dana ")
    assert set(made) == {"id", "username", "created_at"}
    assert made["username"] == "dana"
    created = datetime.fromisoformat(made["created_at"])
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert (await browser.get("/api/account")).json() == made

    assert (await browser.post("/api/logout")).status_code == 200
    assert COOKIE not in browser.cookies
    assert (await browser.get("/api/account")).json() is None

    assert (await log_in(browser)).json() == made
    assert (await browser.get("/api/whoami")).json()["user_id"] == made["id"]


async def test_the_cookie_is_out_of_reach(browser: httpx.AsyncClient) -> None:
    await register(browser)
    cookie = (await log_in(browser)).headers["set-cookie"]
    for part in (f"{COOKIE}=", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"):
        assert part in cookie
    assert "Secure" not in cookie
    behind_a_gateway = {"X-Forwarded-Proto": "https"}
    again = await browser.post(
        "/api/login", json={"username": "dana", "password": PASSWORD}, headers=behind_a_gateway
    )
    assert "Secure" in again.headers["set-cookie"]


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(browser: httpx.AsyncClient) -> None:
    await register(browser)
    wrong, unknown = await log_in(browser, password="nope"), await log_in(browser, "nobody-at-all", "nope")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json() == {"code": "WRONG_CREDENTIALS", "detail": "Wrong name or password"}
    assert "set-cookie" not in wrong.headers


async def test_an_unknown_name_costs_the_same_work(running: AppState) -> None:
    stored = await running.passwords.hash(PASSWORD)

    async def took(hash_: str | None) -> float:
        began = perf_counter()
        assert not await running.passwords.verify(hash_, "nope")
        return perf_counter() - began

    known = median([await took(stored) for _ in range(7)])
    unknown = median([await took(None) for _ in range(7)])
    assert 0.3 < unknown / known < 3


async def test_a_name_is_taken_once(new_browser: Browser) -> None:
    people = [new_browser() for _ in range(4)]
    body = {"username": "dana", "password": PASSWORD}
    answers = await asyncio.gather(*(each.post("/api/register", json=body) for each in people))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    refused = await people[0].post("/api/register", json={**body, "username": "DANA"})
    assert refused.json() == {"code": "USERNAME_TAKEN", "detail": "The name “dana” is taken"}


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ab", "password": PASSWORD},
        {"username": "a b c", "password": PASSWORD},
        {"username": "dana", "password": "2brief!"},
        {"username": "dana", "password": "x" * 129},
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_does_not_fit_is_refused_without_an_echo(
    browser: httpx.AsyncClient, body: dict[str, str]
) -> None:
    refused = await browser.post("/api/register", json=body)
    assert refused.status_code == 422
    assert body["password"] not in refused.text


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        signed(exp=datetime.now(UTC) - timedelta(seconds=1)),
        signed(exp=None),
        signed(iat=None),
        signed(sub=None),
        signed(sub="no uuid"),
        jwt.encode(
            {"sub": str(uuid4()), "iat": 0, "exp": 2**40}, "another secret, which is long enough", "HS256"
        ),
        jwt.encode({"sub": str(uuid4()), "iat": 0, "exp": 2**40}, None, "none"),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_bad_token_is_refused_and_a_bad_cookie_is_nobody(
    browser: httpx.AsyncClient, token: str
) -> None:
    refused = await browser.get("/api/whoami", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401
    assert refused.json()["code"] == "UNAUTHENTICATED"
    browser.cookies[COOKIE] = token
    assert (await browser.get("/api/whoami")).json()["user_id"] is None


async def test_a_bearer_token_is_the_person(browser: httpx.AsyncClient) -> None:
    made = await register(browser)
    token = browser.cookies[COOKIE]
    browser.cookies.clear()
    me = await browser.get("/api/whoami", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["user_id"] == made["id"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_guessing_is_limited(browser: httpx.AsyncClient) -> None:
    answers = [await log_in(browser, "nobody-at-all", "nope") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
