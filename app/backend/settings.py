"""Everything that the environment decides, read once when the app starts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Settings:
    database_url: str

    @classmethod
    def from_environment(cls) -> Settings:
        default = f"sqlite+aiosqlite:///{DATA / 'fusewire.sqlite'}"
        return cls(database_url=os.environ.get("DATABASE_URL") or default)
