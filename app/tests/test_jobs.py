from httpx import Client


def test_starting_needs_a_session(browser: Client) -> None:
    response = browser.post("/api/jobs/start_job", json={"job_id": "report"})
    assert response.status_code == 401
    assert response.json()["code"] == "UNAUTHENTICATED"


def test_a_job_starts_once(visitor: Client) -> None:
    first = visitor.post("/api/jobs/start_job", json={"job_id": "report"})
    assert first.json() == {"job_id": "report", "started": True}
    second = visitor.post("/api/jobs/start_job", json={"job_id": "report"})
    assert second.status_code == 409
    assert second.json() == {"code": "JOB_RUNNING", "detail": "report is running already"}


def test_jobs_of_two_people_do_not_meet(visitor: Client) -> None:
    visitor.post("/api/jobs/start_job", json={"job_id": "report"})
    visitor.cookies.clear()
    visitor.post("/api/session")
    assert visitor.post("/api/jobs/start_job", json={"job_id": "report"}).status_code == 200


def test_a_dry_run_starts_nothing(visitor: Client) -> None:
    for _ in range(2):
        answer = visitor.post("/api/jobs/start_job", json={"job_id": "report", "dry_run": True})
        assert answer.json() == {"job_id": "report", "started": False}
