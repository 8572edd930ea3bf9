"""Streams that outlive their reader: who runs them, what is kept of them, and how one comes back (docs/streams.md)."""

from fusewire.streams.arguments import Arguments
from fusewire.streams.journal import Form, Kind, Record
from fusewire.streams.reading import Reading
from fusewire.streams.streams import Streams

__all__ = ["Arguments", "Form", "Kind", "Reading", "Record", "Streams"]
