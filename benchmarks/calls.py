"""The suite `calls`: what one call costs, beside the peers."""

from __future__ import annotations

from benchmarks.rows import throughput
from benchmarks.table import Row

ROWS = (
    Row("a-a", "raw echo against itself: the noise", throughput.echo_against_echo),
    Row("add", "`add`, 8 x 64 in flight, by raw echo", throughput.add, must=0.75, moonshot=1.0),
    Row("add-8", "`add`, 8 calls a frame, by raw echo", throughput.add_in_eights, must=1.3, moonshot=2.0),
)
