"""`add` among 2,000."""

from benchmarks.servers.procedures import app_of

app = app_of(2_000)
