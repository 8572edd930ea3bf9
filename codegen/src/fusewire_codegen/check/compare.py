"""From two contracts to what changed between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fusewire_codegen.check.change import Audience, Change
from fusewire_codegen.check.procedures import compare_procedures, unknown
from fusewire_codegen.check.promises import Promises, note_changes
from fusewire_codegen.contract import Contract, Error, Event, Procedure

_KNOWN = frozenset(Contract.__annotations__)


def compare(old: Contract, new: Contract) -> list[Change]:
    """Every difference, with those for whom it breaks who were built from `old` and meet a server of `new`.

    Breaking ones come first, each kind sorted by place.
    """
    promises = Promises(old, new)
    changes = [
        *_header(old, new),
        *_procedures(old, new, promises),
        *_events(old, new, promises),
        *_errors(old, new, promises),
        *_types(old, new),
        *promises.changes(),
    ]
    return sorted(set(changes), key=lambda change: (not change.is_breaking, change))


def _header(old: Contract, new: Contract) -> Iterator[Change]:
    if old["app"] != new["app"]:
        yield Change("app", f"is {new['app']}, was {old['app']}")
    if old["ws_path"] != new["ws_path"]:
        what = f"is {new['ws_path']}, was {old['ws_path']}"
        audiences = (Audience.WEBSOCKET_CALLERS, Audience.LISTENERS)
        yield Change("ws_path", what, audiences, "their connections find nothing")
    if old["api_prefix"] != new["api_prefix"]:
        what = f"is {new['api_prefix']}, was {old['api_prefix']}"
        yield Change("api_prefix", what, (Audience.HTTP_CALLERS,), "their requests find no route")
    for key in sorted((old.keys() | new.keys()) - _KNOWN):
        if old.get(key) != new.get(key):
            yield unknown(key, old.get(key), new.get(key))


def _procedures(old: Contract, new: Contract, promises: Promises) -> Iterator[Change]:
    prefixes = old["api_prefix"], new["api_prefix"]
    for name, place in _names("procedures", old["procedures"], new["procedures"]):
        before, after = old["procedures"].get(name), new["procedures"].get(name)
        if after is None:
            yield Change(place, "is gone", (Audience.CALLERS,), "their calls find no procedure")
        elif before is None:
            yield Change(place, "is new")
        else:
            yield from compare_procedures(before, after, place, prefixes)
            yield from _schemas(before, after, place, promises)


def _schemas(old: Procedure, new: Procedure, place: str, promises: Promises) -> Iterator[Change]:
    before = {param["name"]: param for param in old["params"]}
    for param in new["params"]:
        if (known := before.get(param["name"])) is not None:
            there = f"{place}.params.{param['name']}"
            promises.sent(known["schema"], param["schema"], there)
            yield from note_changes(known["schema"], param["schema"], there)
    if old["kind"] == new["kind"]:
        promises.got(old["result"], new["result"], f"{place}.result", Audience.RECEIVERS)
        yield from note_changes(old["result"], new["result"], f"{place}.result")


def _events(old: Contract, new: Contract, promises: Promises) -> Iterator[Change]:
    for name, place in _names("events", old["events"], new["events"]):
        before, after = old["events"].get(name), new["events"].get(name)
        if after is None:
            yield Change(place, "is gone", (Audience.LISTENERS,), "they wait for what never comes")
        elif before is None:
            yield Change(place, "is new")
        else:
            yield from _history(before, after, f"{place}.history")
            promises.got(before["schema"], after["schema"], place, Audience.LISTENERS)
            yield from note_changes(before["schema"], after["schema"], place)


def _history(old: Event, new: Event, place: str) -> Iterator[Change]:
    if old.get("history") and not new.get("history"):
        why = "what is sent while they are not connected does not come any more"
        yield Change(place, "is not kept any more", (Audience.LISTENERS,), why)
    elif new.get("history") and not old.get("history"):
        yield Change(place, "is kept now")


def _errors(old: Contract, new: Contract, promises: Promises) -> Iterator[Change]:
    # That a code comes or goes is told where procedures raise it.
    for name, place in _names("errors", old["errors"], new["errors"]):
        if name in old["errors"] and name in new["errors"]:
            yield from _error(old["errors"][name], new["errors"][name], place, promises)


def _error(old: Error, new: Error, place: str, promises: Promises) -> Iterator[Change]:
    if old["status"] != new["status"]:
        what = f"is {new['status']}, was {old['status']}"
        yield Change(f"{place}.status", what, (Audience.HANDLERS,), "they may tell errors by their status")
    if old.get("doc") != new.get("doc"):
        yield Change(f"{place}.doc", "the docstring is another one")
    if "data" in old and "data" in new:
        promises.got(old["data"], new["data"], f"{place}.data", Audience.HANDLERS)
        yield from note_changes(old["data"], new["data"], f"{place}.data")
    elif "data" in old:
        yield Change(f"{place}.data", "is gone", (Audience.HANDLERS,), "they may read it")
    elif "data" in new:
        yield Change(f"{place}.data", "is new")


def _types(old: Contract, new: Contract) -> Iterator[Change]:
    """Names are not on the wire: one that comes or goes is for those who generate their code anew."""
    for name, place in _names("types", old["types"], new["types"]):
        if name not in new["types"]:
            yield Change(place, "the name is gone: code that is generated anew must not import it")
        elif name not in old["types"]:
            yield Change(place, "the name is new")
        else:
            yield from note_changes(old["types"][name], new["types"][name], place)


def _names(section: str, old: Mapping[str, object], new: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, f"{section}.{name}") for name in sorted(old.keys() | new.keys())]
