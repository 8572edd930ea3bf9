import json

import pytest
from httpx import Client

from app.backend.rpc import chat


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "WORD_SECONDS", 0.0)


def test_a_line_per_word(browser: Client) -> None:
    before = browser.get("/api/chat/activity").json()
    response = browser.post("/api/chat", json={"prompt": "hi there"})
    words = [json.loads(line) for line in response.text.splitlines() if line]
    assert response.headers["content-type"].startswith("application/jsonl")
    assert "".join(words).startswith("You wrote: “hi there”. ")
    assert "not an AI" in "".join(words)
    after = browser.get("/api/chat/activity").json()
    assert after == {**before, "finished": before["finished"] + 1}


@pytest.mark.parametrize("prompt", ["", "x" * 2_001])
def test_a_prompt_has_bounds(browser: Client, prompt: str) -> None:
    response = browser.post("/api/chat", json={"prompt": prompt})
    assert response.status_code == 422
    assert response.json()["code"] == "INVALID_ARGUMENT"
    assert "input" not in response.json()["detail"][0]
