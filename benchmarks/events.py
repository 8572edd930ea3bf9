"""The suite `events`: what a delivery costs, and what it does not."""

from __future__ import annotations

from benchmarks.rows import events, typescript
from benchmarks.table import Row

ROWS = (
    Row("raw-raw", "raw sends by raw sends, 1,000 connections: the noise", events.raw_beside_raw),
    Row(
        "fan-out",
        "event to 1,000 connections, in memory, per core by raw sends (ephaptic 0.28)",
        events.fan_out_in_memory,
        must=0.85,
    ),
    Row(
        "fan-out-redis",
        "the same over Redis (ephaptic 0.44)",
        events.fan_out_over_redis,
        must=0.85,
    ),
    Row("fan-out-uvicorn", "as fan-out, without `fusewire.serving`", events.fan_out_under_uvicorn),
    Row(
        "elsewhere",
        "messages from Redis per event to a user of another worker (ephaptic 1)",
        events.heard_in_vain,
        better="lower",
        must=0,
        unit="",
        digits=3,
    ),
    Row(
        "bundle-events",
        "TypeScript client with recovery, min+gz (centrifuge-js 23.6)",
        typescript.recovery_bundle,
        better="lower",
        must=11.0,
        unit="kB",
    ),
)
