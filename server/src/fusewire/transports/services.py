"""What every transport is given by the app."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from fusewire.bounds import Bounds
from fusewire.calls import Pipeline
from fusewire.errors import RegistrationError
from fusewire.hub import Hub
from fusewire.identity import Loader
from fusewire.procedures.registry import Registry
from fusewire.streams import Streams
from fusewire.wire.codec import Sizes

log = logging.getLogger("fusewire")


@dataclass(slots=True)
class Services:
    """`loader` may be set after the transports were made; `calls_hash` is worked out when first asked for."""

    registry: Registry
    pipeline: Pipeline
    hub: Hub
    streams: Streams
    bounds: Bounds
    origins: frozenset[str]
    calls_hash: Callable[[], str]
    drain_seconds: float
    loader: Loader | None = None
    sizes: Sizes = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = Sizes(
            self.bounds.message_bytes, self.bounds.depth, self.bounds.elements, self.registry.call_bytes
        )

    def drain(self) -> None:
        """The worker is stopping: what goes on without a connection has `drain_seconds` from now on."""
        self.streams.drain()
        self.pipeline.deduplication.drain()

    def known_calls_hash(self) -> str | None:
        """None for an app that has no contract, and only learns it now because it runs without lifespan."""
        try:
            return self.calls_hash()
        except RegistrationError:
            log.exception("! the contract cannot be made")
            return None
