"""As much of a Dockerfile as the tests look at."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.topology.compose import ROOT


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, kind: str) -> list[str]:
        return [rest for found, rest in self.instructions if found == kind]

    def last(self, kind: str) -> str:
        return self.all(kind)[-1]

    @property
    def command(self) -> list[str]:
        """`CMD`, which must be in the exec form: a shell would keep signals from the server."""
        words: Any = json.loads(self.last("CMD"))
        assert isinstance(words, list)
        return words


def stages(dockerfile: str) -> list[Stage]:
    text = (ROOT / dockerfile).read_text()
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found: list[Stage] = []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, rest = line.partition(" ")
        if kind == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].instructions.append((kind, rest.strip()))
    return found
