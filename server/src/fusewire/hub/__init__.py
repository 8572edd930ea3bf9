"""Audiences and who is in them: the way from `emit()` to connections."""

from fusewire.hub.audience import Audience, Room, emit
from fusewire.hub.hub import Hub, Member

__all__ = ["Audience", "Hub", "Member", "Room", "emit"]
