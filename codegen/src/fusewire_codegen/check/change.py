"""What differs between two contracts, and for whom it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who leans on the contract: programs that were built from the old one and meet a server of the new one."""

    CALLERS = "callers"
    """They send arguments, over whichever transport."""
    WEBSOCKET_CALLERS = "callers over WebSocket"
    HTTP_CALLERS = "callers over HTTP"
    """The REST mirror's: third parties, and generated clients where there is no WebSocket."""
    RECEIVERS = "receivers"
    """They read results and the items of streams."""
    LISTENERS = "listeners"
    """They read events."""
    HANDLERS = "handlers"
    """They read declared errors."""


@dataclass(frozen=True, order=True)
class Change:
    """One difference. `place` is where it is, such as `procedures.add.params.b`; `breaks` is empty for a compatible one."""

    place: str
    what: str
    breaks: tuple[Audience, ...] = ()
    why: str = ""
    """What happens to those for whom it breaks."""

    @property
    def is_breaking(self) -> bool:
        """Whether it breaks for anybody."""
        return bool(self.breaks)
