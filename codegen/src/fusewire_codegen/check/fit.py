"""Whether every value that one schema allows is allowed by another, and if not, what stands in the way.

The one question behind every verdict: callers ask it of (old, new), for what they send must still be taken; receivers ask it of
(new, old), for what they get must still be what they know.

An object of the narrow side holds no other keys than the schema names, unless it says `additionalProperties`: clients send what
the contract names, and servers filter their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from fusewire_codegen.check.plain import NOTHING, UNREADABLE, Plain, Types, canonical, references
from fusewire_codegen.check.rules import (
    broken_rules,
    is_mark_taken,
    is_type_in,
    is_value_allowed,
    kinds_of,
)
from fusewire_codegen.check.words import Words
from fusewire_codegen.contract import reference

_ANY_TYPES = ("array", "boolean", "null", "number", "object", "string")


class Problem(NamedTuple):
    """What the wide side does not allow. `is_ignored`: a field that it passes over."""

    place: str
    what: str
    is_ignored: bool = False


_Follow = Callable[[Plain, Plain, str], Iterator[Problem]]
"""Goes on behind a pair of references."""


class Fit:
    """Compares schemas of two contracts. `forward`: the old side is the narrow one, otherwise it is the wide one.

    `reads`: the wide side must read each field that the narrow side names; otherwise it may pass it over.
    """

    def __init__(self, old: Types, new: Types, *, forward: bool, reads: bool) -> None:
        self._forward = forward
        self._reads = reads
        self._words = Words(forward=forward)
        self._narrow, self._wide = (old, new) if forward else (new, old)
        self._equal = old.equal(new)
        # Recursive types: a pair fits unless something is found that does not, assuming the same of every other pair.
        self._verdicts: dict[tuple[str, str], bool] = {}
        self._open: dict[tuple[str, str], tuple[Plain, Plain]] = {}
        self._settling = False

    def fits(self, narrow: Plain, wide: Plain) -> bool:
        """Whether `wide` allows all that `narrow` allows."""
        if "$ref" in narrow and "$ref" in wide:
            return self._verdict(narrow, wide)
        return all(map(self.is_harmless, self._problems(narrow, wide, "", self._known)))

    def is_harmless(self, problem: Problem) -> bool:
        """Whether the wide side gets along with it."""
        return problem.is_ignored and not self._reads

    def explain(
        self, narrow: Plain, wide: Plain, place: str, seen: set[tuple[str, str]]
    ) -> Iterator[Problem]:
        """Each obstacle and each field passed over. What lies in a named type is placed there, and told once for each set `seen`."""

        within: set[tuple[str, str]] = set()

        def follow(narrow: Plain, wide: Plain, place: str) -> Iterator[Problem]:
            ours, theirs = reference(narrow), reference(wide)
            bodies = self._narrow.body(narrow), self._wide.body(wide)
            pair = canonical(narrow), canonical(wide)
            if ours is None or theirs is None:
                # Not for ever: a recursive type may meet one that is not.
                if pair not in within:
                    within.add(pair)
                    yield from self._problems(*bodies, place, follow)
                    within.remove(pair)
            elif self._is_another_type(ours, theirs):
                if not self.fits(narrow, wide):
                    yield Problem(place, self._words.another(narrow, wide))
            elif pair not in seen:
                seen.add(pair)
                yield from self._problems(*bodies, f"types.{theirs if self._forward else ours}", follow)

        yield from self._problems(narrow, wide, place, follow)

    def _is_another_type(self, ours: str, theirs: str) -> bool:
        """Whether the place changed its type, and not the type its name."""
        return ours != theirs and (ours in self._wide or theirs in self._narrow)

    def _known(self, narrow: Plain, wide: Plain, place: str) -> Iterator[Problem]:
        """Behind a reference: only whether there is an obstacle."""
        if not self._verdict(narrow, wide):
            yield Problem(place, "")

    def _verdict(self, narrow: Plain, wide: Plain) -> bool:
        pair = canonical(narrow), canonical(wide)
        if pair not in self._verdicts:
            self._verdicts[pair] = True
            self._open[pair] = self._narrow.body(narrow), self._wide.body(wide)
            if not self._settling:
                self._settle()
        return self._verdicts[pair]

    def _settle(self) -> None:
        self._settling = True
        before = -1
        # Each round meets new pairs, or finds that one does not fit, or is the last.
        while before != (state := len(self._open) + sum(not self._verdicts[pair] for pair in self._open)):
            before = state
            for pair, bodies in list(self._open.items()):
                self._verdicts[pair] = self._verdicts[pair] and self.fits(*bodies)
        self._open.clear()
        self._settling = False

    def _problems(self, narrow: Plain, wide: Plain, place: str, follow: _Follow) -> Iterator[Problem]:
        if wide == {} or narrow == NOTHING:
            return
        if narrow == wide and references(narrow) <= self._equal:
            return
        if "allOf" in wide:
            for part in wide["allOf"]:
                yield from self._problems(narrow, part, place, follow)
            return
        if "$ref" in narrow and "$ref" in wide:
            yield from follow(narrow, wide, place)
            return
        yield from self._untold(narrow, wide, place)
        cases = self._cases(narrow)
        if cases != [narrow]:
            for case in cases:
                yield from self._one(case, wide, place, follow, alone=False)
        else:
            yield from self._one(narrow, wide, place, follow, alone=True)

    def _cases(self, narrow: Plain) -> list[Plain]:
        """What `narrow` is one of; `[narrow]` when it is no union."""
        members = self._narrow.members(narrow)
        if members is not None:
            return members
        body = self._narrow.body(narrow)
        if "enum" in body:
            return [{"const": value} for value in body["enum"]]
        kinds = kinds_of(body)
        if kinds is not None and len(kinds) > 1:
            return [{**body, "type": kind} for kind in kinds]
        if kinds is None and body and not body.keys() & {"const", "allOf", "$ref"}:
            return [{**body, "type": kind} for kind in _ANY_TYPES]
        return [narrow]

    def _untold(self, narrow: Plain, wide: Plain, place: str) -> Iterator[Problem]:
        """A discriminator refuses a value without its field, though each field has a default."""
        for tag in sorted(self._wide.tags(wide) - self._narrow.tags(narrow)):
            for case in self._cases(narrow):
                body = self._narrow.body(case)
                if tag in body.get("properties", {}) and tag not in body.get("required", ()):
                    yield Problem(place, self._words.untold(case, tag))

    def _one(
        self, narrow: Plain, wide: Plain, place: str, follow: _Follow, *, alone: bool
    ) -> Iterator[Problem]:
        """`narrow` is no union."""
        members = self._wide.members(wide)
        if members is None and "allOf" not in narrow:
            yield from self._single(narrow, wide, place, follow, alone=alone)
            return
        choices = [wide] if members is None else members
        if "allOf" in narrow:
            if not any(self.fits(part, choice) for part in narrow["allOf"] for choice in choices):
                yield Problem(place, self._words.not_allowed(narrow))
            return
        meant = self._counterpart(narrow, choices)
        # The one that is meant is asked first: of many others none is looked into then.
        asked = choices if meant is None else [meant, *choices]
        near = next((choice for choice in asked if self.fits(narrow, choice)), meant)
        if near is not None:
            # One that fits may still pass fields over.
            yield from self._problems(narrow, near, place, follow)
        elif (cases := self._cases(narrow)) != [narrow]:
            for case in cases:
                yield from self._one(case, wide, place, follow, alone=False)
        else:
            yield Problem(place, self._words.not_allowed(narrow))

    def _counterpart(self, narrow: Plain, choices: list[Plain]) -> Plain | None:
        """The member of a union that is meant to be `narrow`, if there is no doubt: the one of its name, its tag, or its type."""
        named = [choice for choice in choices if "$ref" in choice and choice == narrow]
        if named:
            return named[0]
        body = self._narrow.body(narrow)
        bodies = [(choice, self._wide.body(choice)) for choice in choices]
        tagged = [choice for choice, other in bodies if _tags(body) & _tags(other)]
        if tagged:
            return tagged[0] if len(tagged) == 1 else None
        if _tags(body) or "const" in body:
            return None
        alike = [
            choice
            for choice, other in bodies
            if kinds_of(other) is not None
            and kinds_of(other) == kinds_of(body)
            and other.get("x-fuse") == body.get("x-fuse")
            and not _tags(other)
        ]
        return alike[0] if len(alike) == 1 else None

    def _single(
        self, narrow: Plain, wide: Plain, place: str, follow: _Follow, *, alone: bool
    ) -> Iterator[Problem]:
        """Neither is a union."""
        if "$ref" in narrow or "$ref" in wide:
            yield from follow(narrow, wide, place)
            return
        if "const" in narrow:
            if not is_value_allowed(narrow["const"], wide):
                yield Problem(place, self._words.not_allowed(narrow))
            return
        (kind,) = kinds_of(narrow) or [""]
        kinds = kinds_of(wide)
        is_alike = wide != NOTHING and kind != "" and (kinds is None or is_type_in(kind, kinds))
        if "const" in wide or "enum" in wide or not is_alike or not is_mark_taken(narrow, wide):
            yield Problem(
                place, self._words.another(narrow, wide) if alone else self._words.not_allowed(narrow)
            )
            return
        for key in UNREADABLE:
            if key in wide and narrow.get(key) != wide[key]:
                yield Problem(place, f"{key} is another one, which is not compared")
        for rule, ours, theirs in broken_rules(kind, narrow, wide):
            yield Problem(place, self._words.rule(rule, ours, theirs))
        if kind == "array":
            yield from self._items(narrow, wide, place, follow)
        if kind == "object":
            yield from self._fields(narrow, wide, place, follow)

    def _items(self, narrow: Plain, wide: Plain, place: str, follow: _Follow) -> Iterator[Problem]:
        ours, theirs = narrow.get("prefixItems", []), wide.get("prefixItems", [])
        most = narrow.get("maxItems", float("inf"))
        for index in range(min(max(len(ours), len(theirs)), most)):
            item = ours[index] if index < len(ours) else narrow.get("items", {})
            room = theirs[index] if index < len(theirs) else wide.get("items", {})
            yield from self._problems(item, room, f"{place}[{index}]", follow)
        if max(len(ours), len(theirs)) < most:
            yield from self._problems(narrow.get("items", {}), wide.get("items", {}), f"{place}[]", follow)

    def _fields(self, narrow: Plain, wide: Plain, place: str, follow: _Follow) -> Iterator[Problem]:
        ours, theirs = narrow.get("properties", {}), wide.get("properties", {})
        others = narrow.get("additionalProperties", NOTHING)
        for name, field in ours.items():
            there = f"{place}.{name}"
            if name in theirs:
                yield from self._problems(field, theirs[name], there, follow)
            elif "additionalProperties" not in wide:
                yield Problem(there, self._words.unknown, is_ignored=True)
            elif not self.fits(field, wide["additionalProperties"]):
                yield Problem(there, self._words.unknown)
        for name in sorted(theirs.keys() - ours.keys()):
            # A key that nobody named may be this one.
            yield from self._problems(others, theirs[name], f"{place}.{name}", follow)
        if "additionalProperties" in wide:
            yield from self._problems(others, wide["additionalProperties"], f"{place}.*", follow)
        elif others != NOTHING:
            yield Problem(f"{place}.*", self._words.unknown, is_ignored=True)
        for name in sorted(set(wide.get("required", ())) - set(narrow.get("required", ()))):
            yield Problem(f"{place}.{name}", self._words.required(is_named=name in ours))
        if others != NOTHING:
            yield from self._keys(narrow, wide, place)

    def _keys(self, narrow: Plain, wide: Plain, place: str) -> Iterator[Problem]:
        """Keys are text in JSON; `x-fuse-keys` says of what."""
        for key in ("propertyNames", "x-fuse-keys"):
            ours, theirs = narrow.get(key, {"type": "string"}), wide.get(key)
            if theirs is not None and not self.fits(ours, theirs):
                yield Problem(place, self._words.keys(ours, theirs))


def _tags(body: Plain) -> set[str]:
    """The fields of an object that have one value only, with it."""
    return {
        canonical([name, field["const"]])
        for name, field in body.get("properties", {}).items()
        if "const" in field
    }
