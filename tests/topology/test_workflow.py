"""What runs on each push is what runs here."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.topology.compose import ROOT

WORKFLOW = ROOT / ".github/workflows/test.yml"


@pytest.fixture
def job() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]
    return read


def test_it_runs_the_one_script(job: dict[str, Any]) -> None:
    assert [step["run"] for step in job["steps"] if "run" in step] == ["./test.sh"]
    assert job["timeout-minutes"] <= 30


def test_it_may_only_read() -> None:
    text = WORKFLOW.read_text()
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert "secrets." not in text
    assert "pull_request_target" not in text


def test_the_oldest_versions_are_the_ones_that_the_packages_ask_for(job: dict[str, Any]) -> None:
    oldest = job["strategy"]["matrix"]["include"][0]
    assert f'requires-python = ">={oldest["python"]}"' in (ROOT / "pyproject.toml").read_text()
    assert f'"node": ">={oldest["node"]}' in (ROOT / "package.json").read_text()


def test_caches_follow_the_lock_files(job: dict[str, Any]) -> None:
    settings = [step.get("with", {}) for step in job["steps"]]
    assert any(setting.get("cache-dependency-path") == "package-lock.json" for setting in settings)
    assert any("hashFiles('uv.lock')" in setting.get("key", "") for setting in settings)


def test_actions_are_pinned(job: dict[str, Any]) -> None:
    for step in job["steps"]:
        if "uses" in step:
            assert step["uses"].startswith("actions/")
            assert step["uses"].partition("@")[2].startswith("v")
