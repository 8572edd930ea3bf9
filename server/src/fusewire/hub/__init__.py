"""Audiences and who is in them: the way from `emit()` to connections."""

from fusewire.hub.audience import Audience, Room, emit
from fusewire.hub.history import History
from fusewire.hub.hub import Hub, Member
from fusewire.hub.sessions import Session, Sessions

__all__ = ["Audience", "History", "Hub", "Member", "Room", "Session", "Sessions", "emit"]
