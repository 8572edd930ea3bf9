"""What a table was measured with, in a line that belongs above it."""

from __future__ import annotations

import json
import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

from benchmarks.bench import Plan
from benchmarks.processes import finished
from benchmarks.toolchain import EPHAPTIC, PEERS


async def conditions(plan: Plan) -> str:
    python = f"Python {platform.python_version()}, uvicorn {version('uvicorn')}, uvloop {version('uvloop')}"
    peers = f"{EPHAPTIC.replace('==', ' ')}, tRPC {_pinned('@trpc/server')} on Node {await _node()}"
    cores = f"{os.cpu_count()} cores of {_processor()}"
    slices = f"; {plan.pairs} pairs of {plan.seconds} s" if plan.pairs else ""
    return f"{python}; {peers}; {cores}{slices}."


def _pinned(package: str) -> str:
    return str(json.loads((PEERS / "package.json").read_text())["devDependencies"][package])


async def _node() -> str:
    found = shutil.which("node")
    return "(none)" if found is None else (await finished([found, "--version"])).decode().strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
