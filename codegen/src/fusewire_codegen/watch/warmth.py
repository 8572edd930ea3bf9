"""What the warm processes are to have imported: all that the files saved last do not reach, and for reserves a part of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from fusewire_codegen.watch.frames import Message
from fusewire_codegen.watch.imports import Graph, Imported

MAX_FILES = 4
"""So many files, those saved last, are left out: who changes one of them again, or another of them, has an answer soon."""
MAX_LEVELS = 3
"""How often the app is divided at most: 7 reserves."""
MIN_LEVELS = 2
"""With one level there would be one reserve, which leaves out all and so spares nothing."""
RESERVE_SECONDS = 5.0
"""How long the processor may be busy for all the reserves: each level costs an import of the app."""
MIN_SECONDS = 0.05
"""An app that is imported within this has no reserves: a whole run is as good."""
MAX_FAILURES = 3
"""After so many there is no warm process any more: the app depends on the order of its imports, or starts threads."""


class Warmth:
    """Decides when warm processes are needed, and with what in them."""

    def __init__(self) -> None:
        self._recent: dict[str, None] = {}
        self._files: frozenset[str] | None = None
        """What the main one has imported; None: there is none."""
        self._failures = 0

    @property
    def is_wanted(self) -> bool:
        """Whether quick answers were right so far."""
        return self._failures < MAX_FAILURES

    def changed(self, files: Collection[str] | None) -> None:
        """These files were saved; None: any may have been."""
        for file in files or ():
            self._recent.pop(file, None)
            self._recent[file] = None
        while len(self._recent) > MAX_FILES:
            del self._recent[next(iter(self._recent))]
        if files is None or (self._files and not self._files.isdisjoint(files)):
            self._files = None

    def gone(self) -> None:
        """The warm process went with its zygote."""
        self._files = None

    def ended(self) -> None:
        """The warm process did not start, or ended by itself."""
        if self._files is not None:  # else something was saved meanwhile that it had begun to import
            self._failures += 1

    def was_wrong(self) -> None:
        """A whole run gave another contract than the quick one before it."""
        self._failures += 1

    def plan(self, imported: Sequence[Imported], seconds: float) -> Message | None:
        """What to import and to leave out, from what a whole run did import, in so many seconds; None when nothing is to be done.

        The first list in `left_out` is for the main process, the others for a reserve each.
        """
        if not self.is_wanted or self._files is not None or not imported:
            return None
        recent = set(self._recent) or {max((module.file for module in imported), key=_changed_at)}
        graph = Graph(imported)
        left_out = graph.reached(recent)
        kept = [module for module in imported if module.name not in left_out]
        self._files = frozenset(module.file for module in kept)
        if not self._files:
            return None
        # Who leaves out what most of the app imports has nothing left to import.
        reached = [graph.reached({module.file}) for module in kept] if _levels(seconds) else []
        parts = _parts([each for each in reached if len(each) <= len(imported) / 2], _levels(seconds))
        return {
            "order": [module.name for module in imported],
            "left_out": [sorted(left_out), *(sorted(left_out | part) for part in parts)],
        }


def _levels(seconds: float) -> int:
    levels = min(MAX_LEVELS, int(RESERVE_SECONDS / seconds)) if seconds >= MIN_SECONDS else 0
    return levels if levels >= MIN_LEVELS else 0


def _parts(reached: list[frozenset[str]], levels: int) -> Iterator[frozenset[str]]:
    """What each reserve leaves out beside the recent modules, of what a change of each of the others reaches."""
    # What reaches much together, so that the others are spared it; a sort keeps the order, and so a package together.
    reached.sort(key=len)
    count = min(2**levels - 1, len(reached))
    for number in range(count):
        start, end = (len(reached) * bound // count for bound in (number, number + 1))
        yield frozenset[str]().union(*reached[start:end])


def _changed_at(file: str) -> float:
    try:
        return Path(file).stat().st_mtime
    except OSError:
        return 0.0
