"""docker-compose.yml as Docker Compose reads it: parsed, merged, and with the environment filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ROOT / "docker-compose.yml"
DEVELOPMENT = ROOT / "docker-compose.dev.yml"

# https://docs.docker.com/reference/compose-file/interpolation/
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<operator>:?[-?])(?P<argument>[^}]*))?\})")


class MissingVariable(Exception):
    """What `docker compose` says instead of starting."""


def load(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Raises `MissingVariable` for a `${NAME:?…}` that the environment does not have."""
    read: dict[str, Any] = fill(yaml.safe_load(path.read_text()), environment)
    return read


def fill(value: Any, environment: Mapping[str, str]) -> Any:
    match value:
        case str():
            return VARIABLE.sub(lambda found: replacement(found, environment), value)
        case dict():
            return {key: fill(item, environment) for key, item in value.items()}
        case list():
            return [fill(item, environment) for item in value]
        case _:
            return value


def replacement(found: re.Match[str], environment: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    given, operator = environment.get(found["name"]), found["operator"] or ""
    # With a colon, an empty value is as good as none.
    if given or (given is not None and not operator.startswith(":")):
        return given
    if operator.endswith("?"):
        raise MissingVariable(f"{found['name']}: {found['argument']}")
    return str(found["argument"] or "")


def seconds(duration: str) -> float:
    """`40s`, `1m30s`, `500ms`."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)(ms|h|m|s)", duration))


def flag(command: list[str], name: str) -> str:
    """The value behind a flag of a command line."""
    return command[command.index(name) + 1]
