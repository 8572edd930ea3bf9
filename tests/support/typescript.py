"""The TypeScript compiler and its options, for tests of what is generated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TSC = ROOT / "node_modules" / ".bin" / "tsc"
CLIENT = ROOT / "client-ts" / "src" / "index.ts"
HTTP = ROOT / "client-ts" / "src" / "transports" / "http.ts"

PAGE = {
    "strict": True,
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": [],
}
"""What a bundler's page is compiled with, `--strict`."""
OPTIONS = PAGE | {
    "noEmit": True,
    "paths": {
        "@fusewire/client": [str(CLIENT)],
        "@fusewire/client/http": [str(HTTP)],
    },
}
"""To check it with the client's own sources, which need no build."""


def need_typescript() -> None:
    """Skip the test where npm's packages are not installed; in CI that is a failure."""
    if not TSC.exists():
        assert "CI" not in os.environ, "TypeScript is not installed"
        pytest.skip("TypeScript is not installed: run `npm install` at the root")
