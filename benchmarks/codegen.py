"""The suite `codegen`: how long somebody waits after saving, beside the peers."""

from __future__ import annotations

from benchmarks.rows import codegen, codegen_reload, codegen_types
from benchmarks.table import Row

ROWS = (
    Row(
        "save-100",
        "save to TypeScript, 100 procedures, p50",
        codegen.hundred_p50,
        better="lower",
        must=200,
        moonshot=120,
        unit="ms",
        digits=0,
    ),
    Row(
        "save-100-p95",
        "the same, p95",
        codegen.hundred_p95,
        better="lower",
        must=350,
        unit="ms",
        digits=0,
    ),
    Row("save-100-ephaptic", "the same, ephaptic, p50", codegen.ephaptic_hundred, unit="ms", digits=0),
    Row(
        "save-1000",
        "save to TypeScript, 1,000 procedures, p50",
        codegen.thousand_p50,
        better="lower",
        must=1500,
        moonshot=300,
        unit="ms",
        digits=0,
    ),
    Row("save-3", "save to TypeScript, 3 procedures, p50", codegen.three_p50, unit="ms", digits=0),
    Row("save-3-ephaptic", "the same, ephaptic, p50", codegen.ephaptic_three, unit="ms", digits=0),
    Row(
        "answer",
        "save to a call answered by the new code, ./dev.sh, p50",
        codegen_reload.saved_to_answered,
        better="lower",
        must=1500,
        unit="ms",
        digits=0,
    ),
    Row(
        "tsc",
        "`tsc` over a page, 1,000 procedures, by tRPC's inference",
        codegen_types.tsc_by_trpc,
        better="lower",
        must=0.4,
    ),
)
