"""The app whose events are measured, under uvicorn's own WebSocket protocol."""

from __future__ import annotations

from benchmarks.servers.events_app import app

__all__ = ["app"]
