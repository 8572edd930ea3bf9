"""Audiences and who is in them: the way from `emit()` to connections."""

from fusewire.hub.audience import Audience, Room, emit
from fusewire.hub.history import History
from fusewire.hub.hub import Hub
from fusewire.hub.publisher import Publisher
from fusewire.hub.sessions import Session, Sessions
from fusewire.hub.stays import Joined, Left, Present
from fusewire.hub.topics import Member

__all__ = [
    "Audience",
    "History",
    "Hub",
    "Joined",
    "Left",
    "Member",
    "Present",
    "Publisher",
    "Room",
    "Session",
    "Sessions",
    "emit",
]
