"""Changes as text for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fusewire_codegen.check.change import Change


def as_text(changes: Sequence[Change]) -> str:
    """A line for each change, breaking ones first, and a line that counts them."""
    return "\n".join([*map(_line, changes), _summary(changes)])


def as_json(changes: Sequence[Change]) -> str:
    """`{"breaking": …, "changes": [{"place", "what", "breaking", "for", "why"}]}`."""
    entries = [
        {
            "place": change.place,
            "what": change.what,
            "breaking": change.is_breaking,
            "for": list(change.breaks),
            "why": change.why,
        }
        for change in changes
    ]
    breaking = any(change.is_breaking for change in changes)
    return json.dumps({"breaking": breaking, "changes": entries}, indent=2, ensure_ascii=False)


def _line(change: Change) -> str:
    if not change.is_breaking:
        return f"compatible  {change.place}: {change.what}"
    return f"breaking    {change.place}: {change.what}. For {', '.join(change.breaks)}: {change.why}."


def _summary(changes: Sequence[Change]) -> str:
    breaking = sum(change.is_breaking for change in changes)
    if not changes:
        return "no difference"
    return f"{breaking} breaking, {len(changes) - breaking} compatible"
