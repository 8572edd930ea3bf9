"""A journal of what was sent, what each client saw, and what is wrong between the two.

Every event is a number of a writer. A writer writes to one topic, one number after the other, so that its numbers are the order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field


@dataclass
class Writer:
    """`taken`: numbers whose `emit` returned. `tried`: how many were attempted; whoever is not in `taken` may have arrived or not."""

    name: str
    topic: str
    tried: int = 0
    taken: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Seen:
    topic: str
    writer: str
    number: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The client was told that events of this topic are missing."""

    topic: str


@dataclass
class History:
    """What one client was told, in order. `topics`: what it may see, and must see all of."""

    client: str
    topics: Collection[str]
    entries: list[Seen | Gap] = field(default_factory=list)

    @property
    def gaps(self) -> int:
        return sum(isinstance(entry, Gap) for entry in self.entries)


@dataclass
class Report:
    """Every fault in words. `owed`: deliveries that the journal asks for; `missing`: of those, what did not come, told or not."""

    owed: int = 0
    missing: int = 0
    gaps: int = 0
    lost: list[str] = field(default_factory=list)
    """Holes that nobody was told of."""
    duplicated: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    strayed: list[str] = field(default_factory=list)
    """Delivered to somebody whom the topic is not for, under another topic, or never sent at all."""

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.duplicated, *self.reordered, *self.strayed]


def check(writers: Iterable[Writer], histories: Iterable[History]) -> Report:
    report = Report()
    journal = {writer.name: writer for writer in writers}
    for history in histories:
        report.gaps += history.gaps
        _check_one(report, journal, history)
    return report


def _check_one(report: Report, journal: dict[str, Writer], history: History) -> None:
    seen: dict[str, list[tuple[int, int]]] = {name: [] for name in journal}
    gaps: dict[str, list[int]] = {}
    for at, entry in enumerate(history.entries):
        if isinstance(entry, Gap):
            gaps.setdefault(entry.topic, []).append(at)
        elif stray := _stray(journal, history, entry):
            report.strayed.append(f"{history.client}: {entry.writer} {entry.number} {stray}")
        else:
            seen[entry.writer].append((at, entry.number))
    for name, arrived in seen.items():
        writer = journal[name]
        if writer.topic in history.topics:
            numbers = _in_order(report, history.client, name, arrived)
            _find_holes(report, history, writer, numbers, gaps.get(writer.topic, []))


def _stray(journal: dict[str, Writer], history: History, entry: Seen) -> str | None:
    writer = journal.get(entry.writer)
    if writer is None or not 0 <= entry.number < writer.tried:
        return "was never sent"
    if entry.topic != writer.topic:
        return f"came as one of {entry.topic}"
    return None if writer.topic in history.topics else f"is for {writer.topic}"


def _in_order(
    report: Report, client: str, writer: str, arrived: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """What came for the first time, and not too late: the place in the history and the number."""
    known: set[int] = set()
    ordered: list[tuple[int, int]] = []
    for at, number in arrived:
        if number in known:
            report.duplicated.append(f"{client}: {writer} {number} came twice")
        elif ordered and number < ordered[-1][1]:
            report.reordered.append(f"{client}: {writer} {number} came after {ordered[-1][1]}")
        else:
            ordered.append((at, number))
        known.add(number)
    return ordered


def _find_holes(
    report: Report, history: History, writer: Writer, arrived: list[tuple[int, int]], gaps: list[int]
) -> None:
    report.owed += len(writer.taken)
    late = {
        entry.number for entry in history.entries if isinstance(entry, Seen) and entry.writer == writer.name
    }
    before, came = -1, -1
    for at, number in [*arrived, (len(history.entries), writer.tried)]:
        missing = [n for n in range(before + 1, number) if n in writer.taken and n not in late]
        report.missing += len(missing)
        if missing and not any(came < gap < at for gap in gaps):
            report.lost.append(
                f"{history.client}: {writer.name} {missing[0]} to {missing[-1]}, {len(missing)} in all, and was not told"
            )
        before, came = number, at
