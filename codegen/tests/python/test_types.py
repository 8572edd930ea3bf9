"""What a type checker says of generated clients, and of programs that use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fusewire_codegen.contract import Contract
from fusewire_codegen.python import render

ROOT = Path(__file__).parents[3]

USAGE = """
from decimal import Decimal
from typing import assert_type
from uuid import UUID

from fusewire.client.typed import EventStream, ResumableStream, Stream
from small import BudgetSpent, Client, Job, connect, tick


async def use() -> None:
    async with connect("http://localhost", timeout=None, auth=lambda: "token") as client:
        assert_type(client, Client)
        job = await client.start("j", dry_run=True)
        assert_type(job, Job)
        assert_type(job.id, UUID)
        assert_type(await client.jobs.list(), list[Job])
        assert_type(await client.with_(timeout=1).start("j"), Job)
        assert_type(client.events(Job), EventStream[Job])
        assert_type(await client.once(tick), int)
        client.on(Job, lambda event: print(event.class_))
        await client.total([1, 2])
        assert_type(client.jobs.watch("j"), ResumableStream[Job])
        stream = client.jobs.watch.resume("s-1", position=None)
        assert_type(stream, ResumableStream[Job])
        assert_type(stream.id, str | None)
        async for job in stream:
            assert_type(job, Job)
        Job(id=UUID(int=0), class_="y")
        try:
            await client.start("j")
        except BudgetSpent as error:
            assert_type(error.data, Decimal)
"""

MISTAKES = """
from fusewire.client.typed import Model
from small import Job, connect


class Other(Model):
    n: int


async def use() -> None:
    async with connect("http://localhost", timeout="soon") as client:  # mistake
        await client.strat("j")  # mistake
        await client.start(1)  # mistake
        await client.start("j", True)  # mistake
        await client.start()  # mistake
        (await client.start("j")).idd  # mistake
        client.events(Other)  # mistake
        client.on(Job, lambda event: event.nothing)  # mistake
        await client.total(["x"])  # mistake
        client.jobs.rename()  # mistake
        client.jobs.watch(1)  # mistake
        client.jobs.watch()  # mistake
        client.jobs.watch.resume(1)  # mistake
        client.jobs.tail.resume("s-1")  # mistake
        Job(id="text", class_=1)  # mistake
"""


@pytest.mark.timeout(240)
def test_it_is_strictly_typed_and_mistakes_are_found(
    tmp_path: Path, small: Contract, golden: Contract, corpus_text: str
) -> None:
    files = {
        "small.py": render(small, "small:app"),
        "golden.py": render(golden, "golden:app"),
        "corpus_client.py": corpus_text,
        "usage.py": USAGE,
        "mistakes.py": MISTAKES,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    # What the package itself takes to check is kept between runs.
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--no-error-summary",
        "--no-pretty",
    ]
    command += ["--cache-dir", str(ROOT / ".mypy_cache" / "generated"), *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    told = [line for line in done.stdout.splitlines() if " error: " in line]
    wanted = [number for number, line in enumerate(MISTAKES.splitlines(), 1) if "# mistake" in line]
    found = {int(line.split(":")[1]) for line in told if line.startswith("mistakes.py:")}
    assert [line for line in told if not line.startswith("mistakes.py:")] == []
    assert sorted(found) == wanted, done.stdout
