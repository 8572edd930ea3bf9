import sqlite3
from contextlib import closing
from pathlib import Path

from httpx import Client

from app.backend.identity import COOKIE, digest


def test_the_cookie_is_random_and_out_of_reach_of_scripts(browser: Client) -> None:
    response = browser.post("/api/session")
    assert response.json()["is_new"] is True
    cookie = response.headers["set-cookie"]
    for part in (f"{COOKIE}=", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age="):
        assert part in cookie
    assert len(browser.cookies[COOKIE]) == 22  # 128 bits in base64url


def test_over_https_the_cookie_is_secure(browser: Client) -> None:
    behind_a_gateway = {"X-Forwarded-Proto": "https"}
    assert "Secure" in browser.post("/api/session", headers=behind_a_gateway).headers["set-cookie"]


def test_a_known_browser_stays_who_it_is(browser: Client) -> None:
    first = browser.post("/api/session").json()
    again = browser.post("/api/session")
    assert again.json() == {"user_id": first["user_id"], "is_new": False}
    assert "set-cookie" not in again.headers
    assert browser.get("/api/whoami").json()["user_id"] == first["user_id"]


def test_the_database_holds_a_digest_only(visitor: Client, database: Path) -> None:
    token = visitor.cookies[COOKIE]
    with closing(sqlite3.connect(database)) as connection:
        dump = "\n".join(connection.iterdump())
    assert digest(token) in dump
    assert token not in dump


def test_an_unknown_cookie_is_anonymous(browser: Client) -> None:
    browser.cookies[COOKIE] = "A" * 22
    assert browser.get("/api/whoami").json() == {"user_id": None, "is_rpc": False, "is_http": True}
