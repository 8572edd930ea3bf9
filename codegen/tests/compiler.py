"""The real TypeScript compiler, for tests of what is generated."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.typescript import OPTIONS, PAGE, TSC, need_typescript

_STRICTER = {
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
    complaints = _tsc(folder, OPTIONS | _STRICTER, sources)
    return [line for line in complaints if "client-ts/src" not in line]


def emit(folder: Path, text: str) -> bytes:
    """The JavaScript that is left of a TypeScript file."""
    folder.mkdir()
    source = folder / "fuse.ts"
    source.write_text(text)
    _tsc(folder, PAGE | _STRICTER | {"noCheck": True, "outDir": str(folder / "out")}, (source,))
    return (folder / "out" / "fuse.js").read_bytes()


def _tsc(folder: Path, options: dict[str, object], sources: tuple[Path, ...]) -> list[str]:
    need_typescript()
    config = folder / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": options, "files": [str(path) for path in sources]}))
    done = subprocess.run([TSC, "-p", config], capture_output=True, text=True, timeout=100, check=False)
    return [line for line in done.stdout.splitlines() if line]
