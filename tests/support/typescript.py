"""The TypeScript compiler and its options, for tests of what is generated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TSC = ROOT / "node_modules" / ".bin" / "tsc"
CLIENT = ROOT / "client-ts" / "src"

OPTIONS = {
    "strict": True,
    "noEmit": True,
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": [],
    "paths": {
        "@fusewire/client": [str(CLIENT / "index.ts")],
        "@fusewire/client/http": [str(CLIENT / "transports" / "http.ts")],
    },
}
"""`--strict`, and the client's own sources, which need no build."""


def need_typescript() -> None:
    """Skip the test where npm's packages are not installed; in CI that is a failure."""
    if not TSC.exists():
        assert "CI" not in os.environ, "TypeScript is not installed"
        pytest.skip("TypeScript is not installed: run `npm install` at the root")
