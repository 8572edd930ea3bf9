"""The Dockerfiles, read from the files: there is no Docker engine where these tests run."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from tests.topology.compose import ROOT
from tests.topology.images import stages

DOCKERFILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docker").glob("*.Dockerfile"))


def copied(dockerfile: str) -> list[str]:
    """What is copied from the repository."""
    lines = [line for stage in stages(dockerfile) for line in stage.all("COPY")]
    return [source for line in lines if not line.startswith("--from") for source in line.split()[:-1]]


def kept_out(path: str) -> bool:
    """What .dockerignore says: the last pattern that fits decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        parts = Path(path).parts
        prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        anywhere = pattern.removeprefix("**/")
        fits = (
            any(fnmatch(part, anywhere) for part in parts)
            if pattern.startswith("**/")
            else any(
                fnmatch(prefix, pattern) and ("*" not in pattern or prefix == prefixes[0])
                for prefix in prefixes
            )
        )
        if fits:
            verdict = not line.startswith("!")
    return verdict


def test_there_is_one_for_each_image_of_ours() -> None:
    built = set()
    for name in ("docker-compose.yml", "docker-compose.dev.yml"):
        services = yaml.safe_load((ROOT / name).read_text())["services"]
        built |= {service["build"]["dockerfile"] for service in services.values() if "build" in service}
    assert built == set(DOCKERFILES)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_is_copied_is_there_and_is_sent_to_docker(dockerfile: str) -> None:
    for source in copied(dockerfile):
        assert (ROOT / source).exists(), source
        assert not kept_out(source), source


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "node_modules/vite/package.json",
        "app/.env",
        "app/data/fusewire.sqlite",
        "app/frontend/node_modules/x/package.json",
        "app/frontend/build/index.js",
        "client-ts/dist/index.js",
        "server/src/fusewire/__pycache__/app.pyc",
        "tests/topology/app.py",
        "docs/PROTOCOL.md",
    ],
)
def test_what_is_not_sent_to_docker(path: str) -> None:
    assert kept_out(path)


def test_every_member_of_the_python_workspace_is_known_to_the_lock() -> None:
    members = re.search(r"^members = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert members
    sources = copied("docker/backend.Dockerfile")
    assert {f"{member}/pyproject.toml" for member in json.loads(members[1])} <= set(sources)
    assert {"pyproject.toml", "uv.lock"} <= set(sources)


def test_every_npm_workspace_is_known_to_the_lock() -> None:
    workspaces = json.loads((ROOT / "package.json").read_text())["workspaces"]
    sources = copied("docker/frontend.Dockerfile")
    assert {f"{workspace}/package.json" for workspace in workspaces} <= set(sources)
    assert {"package.json", "package-lock.json"} <= set(sources)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_packages_come_from_the_locks(dockerfile: str) -> None:
    for stage in stages(dockerfile):
        for command in stage.all("RUN"):
            assert "npm install" not in command
            if "uv sync" in command:
                assert "--locked" in command
            if "pip install" in command:
                assert "uv>=" in command
