"""The schemas of two contracts, each compared in the directions in which it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fusewire_codegen.check.change import Audience, Change
from fusewire_codegen.check.fit import Fit
from fusewire_codegen.check.plain import Types, canonical, notes, plain
from fusewire_codegen.check.words import NEW, NEW_AND_REQUIRED
from fusewire_codegen.contract import Contract, Schema

_WHY = {
    Audience.CALLERS: "what they send may be refused",
    Audience.RECEIVERS: "what they get may not be what they know",
    Audience.LISTENERS: "what they hear may not be what they know",
    Audience.HANDLERS: "what they read may not be what they know",
}
_NOTES = {
    "description": "the description is another one",
    "x-enum-names": "the names of its members are others, in generated code only",
}


class Promises:
    """Collects what changed in schemas. A type that is used in several places is told of once, with all for whom it breaks."""

    def __init__(self, old: Contract, new: Contract) -> None:
        before, after = Types(old), Types(new)
        self._sent = Fit(before, after, forward=True, reads=True)
        self._got = Fit(before, after, forward=False, reads=False)
        self._lost = Fit(before, after, forward=True, reads=False)
        self._found: dict[tuple[str, str], set[Audience]] = {}
        self._seen: dict[tuple[Audience, Fit], set[tuple[str, str]]] = {}

    def sent(self, old: Schema, new: Schema, place: str) -> None:
        """Compare what callers send: the new side must take what the old one took."""
        self._explain(Audience.CALLERS, self._sent, old, new, place)
        self._explain(Audience.CALLERS, self._got, new, old, place, counts=False)

    def got(self, old: Schema, new: Schema, place: str, audience: Audience) -> None:
        """Compare what `audience` gets: the new side must give what the old one gave."""
        self._explain(audience, self._got, new, old, place)
        self._explain(audience, self._lost, old, new, place, counts=False)

    def _explain(
        self, audience: Audience, fit: Fit, narrow: Schema, wide: Schema, place: str, *, counts: bool = True
    ) -> None:
        seen = self._seen.setdefault((audience, fit), set())
        for problem in fit.explain(plain(narrow), plain(wide), place, seen):
            audiences = self._found.setdefault((problem.place, problem.what), set())
            if counts and not fit.is_harmless(problem):
                audiences.add(audience)

    def changes(self) -> Iterator[Change]:
        """What was found, compatible changes too."""
        for (place, what), audiences in self._found.items():
            required = self._found.get((place, NEW_AND_REQUIRED))
            if (what == NEW and required) or (what == NEW_AND_REQUIRED and not audiences):
                # The same field, told twice.
                continue
            breaks = tuple(sorted(audiences))
            yield Change(place, what, breaks, ", ".join(dict.fromkeys(_WHY[each] for each in breaks)))


def note_changes(old: Schema, new: Schema, place: str) -> Iterator[Change]:
    """What differs between two schemas of one place without any difference for a value."""
    before, after = dict(notes(old, place)), dict(notes(new, place))
    for where, key in sorted(before.keys() | after.keys()):
        known = (where, "") in before and (where, "") in after
        old_note, new_note = before.get((where, key)), after.get((where, key))
        if known and canonical(old_note) != canonical(new_note):
            if key == "deprecated":
                yield from deprecated_changes(old_note, new_note, where)
            else:
                yield Change(where, _NOTES.get(key) or default_change(old_note, new_note))


def default_change(old: Any, new: Any) -> str:
    """A default that is another one: who leaves the value out gets that. None stands for null and for no default."""
    return f"the default is {canonical(new)}, was {canonical(old)}"


def deprecated_changes(old: Any, new: Any, place: str) -> Iterator[Change]:
    """That something is deprecated, or not any more. None is as good as false."""
    if bool(old) != bool(new):
        yield Change(place, "is deprecated now" if new else "is not deprecated any more")
