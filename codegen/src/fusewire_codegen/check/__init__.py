"""`fusewire check`: what changed between two contracts, and for whom it breaks (docs/compatibility.md)."""

from fusewire_codegen.check.change import Audience, Change
from fusewire_codegen.check.compare import compare
from fusewire_codegen.check.report import as_json, as_text
from fusewire_codegen.check.sources import UnreadableError, read, read_revision

__all__ = ["Audience", "Change", "UnreadableError", "as_json", "as_text", "compare", "read", "read_revision"]
