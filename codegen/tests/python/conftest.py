"""What is made once for all tests of Python clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fusewire import Fuse
from fusewire_codegen.contract import Contract, parse, validate
from fusewire_codegen.python import render

from codegen.tests.contracts import contract, param, procedure, upload
from tests.corpus.app import build
from tests.corpus.collection import ENTRIES

GOLDEN = Path(__file__).parents[3] / "tests" / "golden" / "fuse.contract.json"
SOURCE = "shop.main:app"

_JOB = {"$ref": "#/types/Job"}


@pytest.fixture(scope="session")
def golden() -> Contract:
    return parse(GOLDEN.read_text())


@pytest.fixture(scope="session")
def corpus() -> Fuse:
    return build(ENTRIES)


@pytest.fixture(scope="session")
def corpus_text(corpus: Fuse) -> str:
    return render(parse(json.dumps(corpus.contract())), "corpus:app")


@pytest.fixture(scope="session")
def small() -> Contract:
    """A little of everything."""
    job = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "x-fuse": "uuid"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "class": {"type": "string", "default": "x", "maxLength": 3},
        },
        "required": ["id"],
        "description": "What is to be done.",
    }
    start = procedure(
        param("job_id", description="Whose."),
        param("dry_run", required=False, keyword=True, type="boolean") | {"default": False},
        result=_JOB,
        errors=["BUDGET_SPENT"],
        doc="Start a job.\n\nSoon.",
        http={"method": "POST", "path": "/api/jobs/{job_id}", "body": "fields"},
    )
    return validate(
        contract(
            procedures={
                "start": start,
                "jobs.list": procedure(result={"type": "array", "items": _JOB}),
                "jobs.tail": procedure(kind="stream", result=_JOB, deprecated=True),
                "jobs.watch": procedure(
                    param("job_id"), kind="stream", result=_JOB, resume=600, doc="Jobs as they come."
                ),
                "total": procedure(upload(type="integer"), http=None, transports=["websocket"]),
            },
            events={
                "Job": {"schema": _JOB, "history": True},
                "tick": {"schema": {"type": "integer"}, "history": False},
            },
            errors={
                "BUDGET_SPENT": {"status": 402, "data": {"type": "string", "x-fuse": "decimal"}},
                "GONE": {"status": 410, "doc": "Too late."},
            },
            types={"Job": job},
        )
    )
