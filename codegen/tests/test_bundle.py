"""What a page pays for procedures that it does not call: their rows in the descriptor table, and nothing else."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fusewire_codegen.contract import validate
from fusewire_codegen.typescript import render

from codegen.tests.contracts import contract, param, procedure
from tests.support.typescript import CLIENT, HTTP, ROOT

MAX_BYTES_EACH = 40
"""Of a procedure that the page does not call, minified and compressed as a server sends it."""

ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
PAGE = 'import { connect } from "./fuse";\nconst client = connect();\nconsole.log(await client.get_account("x"));\n'
VERBS = """
    get list create update archive restore export import share merge approve reject assign watch find count rename move
    copy preview publish schedule cancel retry verify invite
""".split()
NOUNS = """
    account invoice payment customer project document template report order shipment ticket message thread label filter
    webhook token session device backup quota region coupon refund supplier warehouse contract meeting calendar comment
    attachment dashboard metric alert incident release branch pipeline survey answer course lesson grade badge
""".split()
PARAMS = """
    id name query since until limit note amount currency owner_id tags status reason locale cursor dry_run priority
    recipient subject body format page size order_by include_archived parent_id position color weight deadline
""".split()


def procedures(count: int) -> dict[str, Any]:
    """As many procedures as an app might have: some in namespaces, calls and streams, with none to four parameters."""
    chance = random.Random(count)
    made: dict[str, Any] = {}
    while len(made) < count:
        verb, noun = chance.choice(VERBS), chance.choice(NOUNS)
        name = chance.choice((f"{verb}_{noun}", f"{verb}_{noun}s", f"{noun}s.{verb}"))
        entry = procedure(
            *(param(each, description="What it is.") for each in chance.sample(PARAMS, chance.randrange(5))),
            kind=chance.choice(("call", "call", "call", "stream")),
            doc=f"Does {verb} a {noun}, which takes a sentence to say.\n\nAnd another.",
            errors=["SPENT"],
            result={"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
            http={
                "method": chance.choice(("GET", "POST", "PUT", "DELETE")),
                "path": chance.choice((f"/api/{noun}s/{verb}_{noun}", f"/api/{noun}s/{{id}}/{verb}")),
                "body": "fields",
            },
        )
        made[name] = entry
    return made


def size_of(folder: Path, count: int) -> int:
    """Bytes of the page's own file, `esbuild --minify` and `gzip -9`."""
    folder.mkdir()
    errors = {"SPENT": {"status": 402, "doc": "All of it."}}
    made = validate(contract(procedures=procedures(count), errors=errors))
    assert len(made["procedures"]) == count
    (folder / "fuse.ts").write_text(render(made, "big.main:app"))
    (folder / "page.ts").write_text(PAGE)
    arguments = [
        *("--bundle", "--minify", "--splitting", "--format=esm", "--target=es2022"),
        f"--alias:@fusewire/client/http={HTTP}",
        f"--alias:@fusewire/client={CLIENT}",
        f"--outdir={folder / 'out'}",
    ]
    subprocess.run(
        [str(ESBUILD), str(folder / "page.ts"), *arguments], capture_output=True, timeout=50, check=True
    )
    return len(gzip.compress((folder / "out" / "page.js").read_bytes(), 9))


def test_an_unused_procedure_costs_little(tmp_path: Path) -> None:
    if not ESBUILD.exists():
        assert "CI" not in os.environ, "esbuild is not installed"
        pytest.skip("esbuild is not installed: run `npm install` at the root")
    few, many = size_of(tmp_path / "few", 10), size_of(tmp_path / "many", 210)
    each = (many - few) / 200
    assert 0 < each <= MAX_BYTES_EACH, f"{few} bytes with 10 procedures, {many} with 210: {each:.1f} each"
