"""What type-checking a page costs: a generated client beside inference through tRPC's router."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.harness import Figure, alternate
from benchmarks.processes import ROOT, finished, unpinned
from benchmarks.projects import App, write_trpc
from benchmarks.rows.codegen import generate
from benchmarks.toolchain import build_client, node
from tests.support.typescript import PAGE, TSC

PROCEDURES = 1000
CALLS = 20
PAIRS = 3
_OPTIONS = PAGE | {"skipLibCheck": True, "noEmit": True}
_OURS = 'import { connect } from "./fuse";\n\nconst client = connect();\n'
_OUR_CALL = """
export async function call{number}(): Promise<string> {{
  const item = {{ id: 1, title: "one", weights: {{ kg: 2 }} }};
  const [first] = await client.part{part}.procedure_{each}(item, 1, {{ dry_run: true }});
  return `${{first?.title}} ${{first?.tags.length}} ${{first?.weights.kg}}`;
}}
"""
_THEIRS = """import {{ createTRPCClient, wsLink, createWSClient }} from "@trpc/client";
import type { AppRouter } from "./router/router";

const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: createWSClient({ url: "ws://localhost" }) })] });
""".replace("{{", "{").replace("}}", "}")
_THEIR_CALL = """
export async function call{number}(): Promise<string> {{
  const item = {{ id: 1, title: "one", weights: {{ kg: 2 }} }};
  const [first] = await client.part{part}.procedure_{each}.mutate({{ item, page: 1, dry_run: true }});
  return `${{first?.title}} ${{first?.tags.length}} ${{first?.weights.kg}}`;
}}
"""


async def tsc_by_trpc(bench: Bench) -> Figure:
    """Seconds of `tsc --noEmit` for a page with 20 calls of 1,000 procedures, by those for the same page with tRPC."""
    del bench
    node()
    await build_client()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        app = App(root / "python", PROCEDURES)
        await generate(app)
        ours, theirs = root / "ours", root / "theirs"
        ours.mkdir()
        app.output.rename(ours / "fuse.ts")
        write_trpc(theirs / "router", PROCEDURES)
        _write_page(ours, _OURS, _OUR_CALL)
        _write_page(theirs, _THEIRS, _THEIR_CALL)
        pairs = await alternate(lambda: _tsc(ours), lambda: _tsc(theirs), PAIRS, warm_up=1)
    sides = [sorted(side)[len(side) // 2] for side in zip(*pairs, strict=True)]
    return Figure.of([a / b for a, b in pairs], f"{sides[0]:.1f} s, beside {sides[1]:.1f} s")


def _write_page(folder: Path, head: str, call: str) -> None:
    step = PROCEDURES // 10 // CALLS
    calls = [call.format(number=number, part=number * step, each=number % 10) for number in range(CALLS)]
    (folder / "page.ts").write_text(head + "".join(calls))
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": _OPTIONS, "files": ["page.ts"]}))
    (folder / "node_modules").symlink_to(ROOT / "node_modules")


async def _tsc(folder: Path) -> float:
    started = time.perf_counter()
    with unpinned():
        await finished([TSC, "-p", folder])
    return time.perf_counter() - started
