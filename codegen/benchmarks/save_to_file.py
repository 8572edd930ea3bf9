"""How long from saving a Python file to having the TypeScript file, on a real app in a temporary folder.

    uv run python codegen/benchmarks/save_to_file.py [--procedures 100] [--models 200] [--saves 40]

Prints milliseconds: the best, the median and the 95th percentile of the saves, and a whole `fusewire generate` for comparison.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = [str(Path(sys.executable).with_name("fusewire")), "generate", "shop.main:app", "-o", "web/fuse.ts"]
MODULES = 10

_HEAD = """
from pydantic import BaseModel, Field
from fusewire import Router

rpc = Router(prefix="/{name}", tags=["{name}"], namespace="{name}")
"""
_MODEL = """
class {name}(BaseModel):
    \"\"\"A row of {name}.\"\"\"
    id: int
    title: str = Field(min_length=1, max_length=100)
    tags: list[str] = []
    parent: "{name} | None" = None
    {field}: dict[str, float]
"""
_PROCEDURE = '''
@rpc
async def procedure_{n}(item: {first}, page: int = 1, *, dry_run: bool = False) -> list[{second}]:
    """Does number {n}."""
    return []
'''
_MAIN = """
from fastapi import FastAPI
from fusewire import Fuse
{imports}

app = FastAPI()
fuse = Fuse(app)
{includes}
"""


def main() -> None:
    """Build the app, save one of its modules again and again, print the times."""
    parser = argparse.ArgumentParser()
    for name, default in (("procedures", 100), ("models", 200), ("saves", 40)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_app(root, options.procedures, options.models)
        cold = _cold(root)
        times = _watched(root, options.procedures, options.models, saves=options.saves)
    p95 = statistics.quantiles(times, n=20)[-1]
    sys.stdout.write(
        f"{options.procedures} procedures, {options.models} models, {options.saves} saves: "
        f"best {min(times):.0f} ms, p50 {statistics.median(times):.0f} ms, p95 {p95:.0f} ms; a fresh `generate` {cold:.0f} ms\n"
    )


def _module(number: int, procedures: int, models: int, *, field: str) -> str:
    each, used = models // MODULES, procedures // MODULES
    names = [f"Model{number}x{n}" for n in range(each)]
    parts = [_HEAD.format(name=f"part{number}")]
    parts += [_MODEL.format(name=name, field=field) for name in names]
    for n in range(used):
        parts.append(_PROCEDURE.format(n=n, first=names[2 * n % each], second=names[(2 * n + 1) % each]))
    return "".join(parts)


def _write_app(root: Path, procedures: int, models: int) -> None:
    (root / "shop").mkdir()
    for number in range(MODULES):
        text = _module(number, procedures, models, field="weights")
        (root / "shop" / f"part{number}.py").write_text(text)
    imports = "\n".join(f"from shop import part{n}" for n in range(MODULES))
    includes = "\n".join(f"fuse.include_router(part{n}.rpc)" for n in range(MODULES))
    (root / "shop" / "main.py").write_text(_MAIN.format(imports=imports, includes=includes))
    # A day old, like most of an app: only of a file just saved is the bytecode not to be trusted.
    for file in (root / "shop").iterdir():
        os.utime(file, (time.time() - 86400,) * 2)


def _cold(root: Path) -> float:
    started = time.perf_counter()
    subprocess.run(COMMAND, cwd=root, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 — our own command.
    return (time.perf_counter() - started) * 1000


def _watched(root: Path, procedures: int, models: int, *, saves: int) -> list[float]:
    process = subprocess.Popen([*COMMAND, "--watch"], cwd=root, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout is not None
    try:
        process.stdout.readline()
        return [_save(root, number, procedures, models) for number in range(saves + 3)][3:]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _save(root: Path, number: int, procedures: int, models: int) -> float:
    field = f"field_{number:04}"
    text = _module(3, procedures, models, field=field)
    output = root / "web" / "fuse.ts"
    started = time.perf_counter()
    (root / "shop" / "part3.py").write_text(text)
    while f"  {field}: " not in output.read_text():
        time.sleep(0.0005)
    took = (time.perf_counter() - started) * 1000
    time.sleep(0.3)  # Nobody saves faster than that; the line for the contract file is written by then.
    return took


if __name__ == "__main__":
    main()
