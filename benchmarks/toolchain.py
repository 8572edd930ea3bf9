"""What the peers need: ephaptic in an environment of its own, and the npm workspace `benchmarks/peers`."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import ROOT, finished

EPHAPTIC = "ephaptic==0.5.0"
# The peer stands on the very versions that we stand on.
SHARED = ("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "websockets", "msgpack")
ENVIRONMENT = ROOT / "benchmarks" / ".peers"
PEERS = ROOT / "benchmarks" / "peers"
CLIENT = ROOT / "client-ts"


async def ephaptic_python() -> Path:
    """The interpreter of ephaptic's environment, which is made when it is not there or not of these versions."""
    wanted = [EPHAPTIC, *(f"{name}=={version(name)}" for name in SHARED)]
    made = ENVIRONMENT / "requirements.txt"
    python = ENVIRONMENT / "bin" / "python"
    if not made.exists() or made.read_text().splitlines() != wanted:
        await finished([sys.executable, "-m", "venv", "--clear", ENVIRONMENT])
        await finished([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
        (ENVIRONMENT / ".gitignore").write_text("*\n")
        made.write_text("\n".join(wanted))
    return python


def node() -> str:
    """Raises RuntimeError without Node, or when `npm ci` has not been run."""
    found = shutil.which("node")
    if found is None:
        raise RuntimeError("no node on PATH")
    if not (ROOT / "node_modules" / "@trpc" / "server").exists():
        raise RuntimeError("the packages of benchmarks/peers are not installed: npm ci")
    return found


async def build_client() -> None:
    """Build @fusewire/client when its sources are newer than what was built, as setup.sh does."""
    built = CLIENT / "dist" / ".built"
    sources = [CLIENT / "package.json", *CLIENT.glob("tsconfig*.json"), *CLIENT.glob("src/**/*.ts")]
    if not built.exists() or max(path.stat().st_mtime for path in sources) > built.stat().st_mtime:
        await finished(["npm", "run", "--silent", "build", "--workspace", "@fusewire/client"])
        built.touch()


async def bundle(entry: str) -> bytes:
    """An entry of benchmarks/peers as one minified file, as a page would load it."""
    node()
    await build_client()
    flags = ("--bundle", "--minify", "--format=esm", "--target=es2022")
    return await finished([ROOT / "node_modules" / ".bin" / "esbuild", PEERS / entry, *flags])
