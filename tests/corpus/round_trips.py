"""The corpus over the wire: a real server, a Node process with the generated client, and a caller of each REST form."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from fusewire import Fuse

from tests.corpus.entry import Big, Entry, Sample
from tests.support.callers import CallError, HttpCaller, calling
from tests.support.server import running
from tests.support.typescript import CLIENT, HTTP, ROOT

Outcomes = dict[tuple[str, str], str | None]
"""What went wrong, by transport and entry."""

TRANSPORTS = ("websocket", "http-msgpack", "http-json", "http-jsonl", "http-sse")
_RUNNER = Path(__file__).with_name("runner.ts")
_ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
_PATIENCE_SECONDS = 60
_AT_ONCE = 8


def bundle(folder: Path, source: str) -> Path:
    """The runner with the generated client, for Node."""
    (folder / "fuse.ts").write_text(source)
    main = folder / "main.ts"
    main.write_text(
        f'import {{ run }} from "{_RUNNER}";\nimport {{ connect }} from "./fuse";\nvoid run(connect);\n'
    )
    out = folder / "runner.cjs"
    command: list[Any] = [
        _ESBUILD,
        main,
        "--bundle",
        "--platform=node",
        "--format=cjs",
        "--log-level=warning",
    ]
    command += [f"--alias:@fusewire/client/http={HTTP}", f"--alias:@fusewire/client={CLIENT}"]
    command += ["--external:ws", f"--outfile={out}"]
    subprocess.run(command, check=True, timeout=_PATIENCE_SECONDS, capture_output=True, cwd=ROOT)
    return out


async def run(fuse: Fuse, entries: Iterable[Entry], source: str, folder: Path) -> Outcomes:
    entries = list(entries)
    # A connection that is kept alive is not to end while the machine is busy with something else.
    async with running(fuse.app, timeout_keep_alive=_PATIENCE_SECONDS) as server:
        host = server.host
        outcomes = await _in_node(host, entries, bundle(folder, source), folder)
        contract = fuse.contract()
        async with calling("http-json", host, contract) as plain, calling("http-sse", host, contract) as sse:
            slots = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                for entry in entries:
                    tasks.create_task(_in_python(outcomes, slots, plain, sse, entry))
    return outcomes


async def _in_node(host: str, entries: list[Entry], program: Path, folder: Path) -> Outcomes:
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"url": f"http://{host}", "entries": [_plan(entry) for entry in entries]}))
    node = await asyncio.create_subprocess_exec(
        "node", program, plan, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    )
    try:
        told, complaints = await asyncio.wait_for(node.communicate(), _PATIENCE_SECONDS)
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()
    assert node.returncode == 0, complaints.decode()
    lines = [json.loads(line) for line in told.splitlines()]
    return {(line["transport"], line["entry"]): line["error"] for line in lines}


def _environment() -> dict[str, str]:
    # `ws` is not in the bundle, for it looks for compiled helpers.
    return {**os.environ, "NODE_PATH": str(ROOT / "node_modules")}


def _plan(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "samples": [_form(sample) for sample in entry.samples]}


def _form(sample: Sample) -> dict[str, Any]:
    form = {"form": tagged(sample.msgpack)}
    return form if sample.msgpack_given is sample.msgpack else {**form, "given": tagged(sample.msgpack_given)}


def tagged(value: Any) -> Any:
    """As JSON, with tags for what the client decodes to something else."""
    match value:
        case datetime():
            return {"$tag": "date", "$value": value.timestamp() * 1000 // 1}
        case Big():
            return {"$tag": "bigint", "$value": str(int(value))}
        case bytes():
            return {"$tag": "bytes", "$value": base64.b64encode(value).decode()}
        case float() if value in (float("inf"), float("-inf")):
            return {"$tag": "number", "$value": "Infinity" if value > 0 else "-Infinity"}
        case list():
            return [tagged(item) for item in value]
        case dict():
            return {key: tagged(item) for key, item in value.items()}
    return value


async def _in_python(
    outcomes: Outcomes, slots: asyncio.Semaphore, plain: HttpCaller, sse: HttpCaller, entry: Entry
) -> None:
    async with slots:
        outcomes["http-json", entry.name] = await _calls(plain, entry)
        outcomes["http-jsonl", entry.name] = await _items(plain, entry)
        outcomes["http-sse", entry.name] = await _items(sse, entry)


async def _calls(caller: HttpCaller, entry: Entry) -> str | None:
    for sample in entry.samples:
        if not sample.json_returns:
            continue
        try:
            answer = await caller.call(f"echo_{entry.name}", sample.json_given)
        except CallError as error:
            return f"{sample}: {error} {error.data}"
        if not _equal(answer, sample.json):
            return f"{sample}: {answer!r} is not {sample.json!r}"
    return None


async def _items(caller: HttpCaller, entry: Entry) -> str | None:
    try:
        found = [item async for item in caller.stream(f"items_{entry.name}")]
    except CallError as error:
        return str(error)
    wanted = [sample.json for sample in entry.samples]
    return None if _equal(found, wanted) else f"{found!r} are not {wanted!r}"


def _equal(one: Any, other: Any) -> bool:
    # Text of both: 1 and True, or 1 and 1.0, are equal in Python.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
