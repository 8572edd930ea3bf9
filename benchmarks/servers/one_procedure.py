"""`add` alone."""

from benchmarks.servers.procedures import app_of

app = app_of(1)
