"""The real TypeScript compiler, for tests of what is generated."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client-ts" / "src" / "index.ts"
HTTP = ROOT / "client-ts" / "src" / "transports" / "http.ts"
_TSC = ROOT / "node_modules" / ".bin" / "tsc"
_STRICT = {
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": [],
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
    "verbatimModuleSyntax": True,
    "isolatedModules": True,
    "skipLibCheck": True,
}


def check(folder: Path, *sources: Path) -> list[str]:
    """The compiler's complaints about `sources`, strict, against the client's own sources."""
    paths = {"@fusewire/client": [str(CLIENT)], "@fusewire/client/http": [str(HTTP)]}
    options = _STRICT | {"noEmit": True, "paths": paths}
    complaints = _tsc(folder, options, sources)
    return [line for line in complaints if "client-ts/src" not in line]


def emit(folder: Path, text: str) -> bytes:
    """The JavaScript that is left of a TypeScript file."""
    folder.mkdir()
    source = folder / "fuse.ts"
    source.write_text(text)
    _tsc(folder, _STRICT | {"noCheck": True, "outDir": str(folder / "out")}, (source,))
    return (folder / "out" / "fuse.js").read_bytes()


def _tsc(folder: Path, options: dict[str, object], sources: tuple[Path, ...]) -> list[str]:
    if not _TSC.exists():
        assert "CI" not in os.environ, "TypeScript is not installed"
        pytest.skip("TypeScript is not installed: run `npm install` at the root")
    config = folder / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": options, "files": [str(path) for path in sources]}))
    done = subprocess.run([_TSC, "-p", config], capture_output=True, text=True, timeout=100, check=False)
    return [line for line in done.stdout.splitlines() if line]
