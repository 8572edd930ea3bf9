"""What *welcome* says a connection may use (PROTOCOL §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The server's numbers. The defaults stand in for those that it does not tell."""

    heartbeat_ms: int = 25_000
    max_frame_bytes: int = 2**20
    max_calls: int = 64
    max_streams: int = 16
    stream_items: int = 64
    stream_bytes: int = 2**18
    expires_ms: int | None = None
    """For how long the identity holds. None: without an end."""

    @classmethod
    def of(cls, told: Mapping[str, int]) -> Limits:
        """A number that would let nothing through counts as not told; names from the future are passed over."""
        return cls(**{field.name: told[field.name] for field in fields(cls) if told.get(field.name)})
