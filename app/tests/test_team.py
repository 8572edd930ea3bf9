import json
import sqlite3
from contextlib import closing
from pathlib import Path

from httpx import Client

from app.backend.main import fuse
from app.tests.conftest import serving


def stored_hashes(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [str(row[0]) for row in connection.execute("select password_hash from users")]


def test_rows_become_public_members(browser: Client) -> None:
    team = browser.get("/api/team").json()
    assert team["team_name"] == "Engineering"
    assert [member["username"] for member in team["members"]] == ["alice", "bruno", "chidi"]
    assert set(team["members"][0]) == {"id", "username", "email", "title"}


def test_the_hash_never_leaves(browser: Client, database: Path) -> None:
    hashes = stored_hashes(database)
    assert len(hashes) == 3
    assert all(value.startswith("scrypt$") for value in hashes)
    answers = [browser.get(path).text for path in ("/api/team", "/api/openapi.json")]
    for text in [*answers, json.dumps(fuse.contract())]:
        assert "password_hash" not in text
        assert not any(value in text for value in hashes)


def test_a_second_start_seeds_nothing(browser: Client, database: Path) -> None:
    before = stored_hashes(database)
    with serving() as again:
        assert len(again.get("/api/team").json()["members"]) == 3
    assert stored_hashes(database) == before
