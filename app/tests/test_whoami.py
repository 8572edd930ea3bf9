from httpx import Client


def test_the_sixth_question_in_an_hour_is_refused(visitor: Client) -> None:
    for _ in range(5):
        assert visitor.get("/api/whoami").json()["is_http"] is True
    refused = visitor.get("/api/whoami")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    body = refused.json()
    assert body["code"] == "RATE_LIMITED"
    assert isinstance(body["detail"], str)
    assert 0 < body["data"]["retry_after"] <= 3600


def test_the_limit_is_counted_per_person(visitor: Client) -> None:
    for _ in range(6):
        visitor.get("/api/whoami")
    visitor.cookies.clear()
    visitor.post("/api/session")
    assert visitor.get("/api/whoami").status_code == 200
