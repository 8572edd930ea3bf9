"""How patient the Redis broker is. Tests are less so."""

from __future__ import annotations

from dataclasses import dataclass, field

from fusewire.broker.backoff import Backoff, full_jitter


@dataclass(frozen=True)
class Timing:
    """All in seconds."""

    confirm: float = 5.0
    """How long the first link, or a subscription, may take before its caller goes on without; it is made up for when Redis answers."""
    idle: float = 10.0
    """After this long without a word a link is asked whether it is alive; after as long again it counts as dead."""
    check: float = 30.0
    """Within this time of silence the position of a topic is compared with what was delivered."""
    patience: float = 3.0
    """For so much of an outage what could not be handed to Redis is tried again, before it fails."""
    backoff: Backoff = field(default_factory=lambda: full_jitter(0.1, 5.0))
    """Before a lost link, or a question that was not answered, is tried again."""
    repeat: Backoff = field(default_factory=lambda: full_jitter(0.05, 0.5))
    """Before an event that Redis did not take is published again, or a command that was sent to the wrong node."""

    @property
    def grace(self) -> float:
        """How much longer than its retention a topic's key lives: until the check that extends it has surely come round."""
        return 2 * self.check + 2 * self.idle
