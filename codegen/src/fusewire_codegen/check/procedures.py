"""What changed in one procedure, its schemas aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fusewire_codegen.check.change import Audience, Change
from fusewire_codegen.check.plain import canonical
from fusewire_codegen.check.promises import default_change, deprecated_changes
from fusewire_codegen.contract import Http, Param, Procedure

DEFAULT_MAX_BYTES = 2**20
"""What a server takes of a procedure that names no bound of its own, unless its `Bounds` say otherwise."""

_KNOWN = frozenset((*Procedure.__annotations__,))
_BY_TRANSPORT = {"http": Audience.HTTP_CALLERS, "websocket": Audience.WEBSOCKET_CALLERS}
_REFUSED = "calls without it are refused"


def compare_procedures(
    old: Procedure, new: Procedure, place: str, prefixes: tuple[str, str]
) -> Iterator[Change]:
    """Every difference but those inside schemas. `prefixes`: the API prefix of the old contract and of the new one."""
    yield from _params(old, new, f"{place}.params")
    if old["kind"] != new["kind"]:
        yield Change(
            f"{place}.kind",
            f"is {new['kind']}, was {old['kind']}",
            (Audience.RECEIVERS,),
            "answers come in another form",
        )
    yield from _transports(old, new, place)
    http, http_before = new.get("http"), old.get("http")
    if http and http_before:
        yield from _http(http_before, http, f"{place}.http", prefixes)
    yield from _access(old, new, place)
    yield from _errors(old, new, f"{place}.errors")
    yield from _max_bytes(old, new, f"{place}.max_bytes")
    yield from _again(old, new, place)
    yield from _resume(old, new, f"{place}.resume")
    if old.get("doc") != new.get("doc"):
        yield Change(f"{place}.doc", "the docstring is another one")
    yield from deprecated_changes(old.get("deprecated"), new.get("deprecated"), f"{place}.deprecated")
    for key in sorted((old.keys() | new.keys()) - _KNOWN):
        if old.get(key) != new.get(key):
            yield unknown(f"{place}.{key}", old.get(key), new.get(key))


def unknown(place: str, old: Any, new: Any) -> Change:
    """A difference in something that this command does not know."""
    what = f"is {canonical(new)}, was {canonical(old)}"
    return Change(
        place, what, (Audience.CALLERS,), "what that means is not known to this version of fusewire"
    )


def _params(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    for name in before.keys() - after.keys():
        yield Change(
            f"{place}.{name}", "is gone", (Audience.CALLERS,), "calls with it are refused, or it is not read"
        )
    for name, param in after.items():
        there = f"{place}.{name}"
        if name in before:
            yield from _param(before[name], param, there)
        elif param["required"]:
            yield Change(there, "is new and required", (Audience.CALLERS,), _REFUSED)
        else:
            yield Change(there, "is new and may be left out")
    if _positions(old, after) != _positions(new, before):
        yield Change(
            place,
            "are in another order: old clients send them by name, code that is generated anew by the new order",
        )


def _by_name(procedure: Procedure) -> dict[str, Param]:
    return {param["name"]: param for param in procedure["params"]}


def _positions(procedure: Procedure, others: dict[str, Param]) -> list[tuple[int, str]]:
    """The positional parameters that the other side has in a position too."""
    names = [param["name"] for param in procedure["params"] if not param["keyword"]]
    return [(at, name) for at, name in enumerate(names) if name in others and not others[name]["keyword"]]


def _param(old: Param, new: Param, place: str) -> Iterator[Change]:
    if new["required"] and not old["required"]:
        yield Change(place, "is required now", (Audience.CALLERS,), _REFUSED)
    elif old["required"] and not new["required"]:
        yield Change(place, "may be left out now")
    elif canonical(old.get("default")) != canonical(new.get("default")):
        yield Change(place, default_change(old.get("default"), new.get("default")))
    if old["keyword"] != new["keyword"]:
        kind = "goes by name only now" if new["keyword"] else "has a position now"
        yield Change(place, f"{kind}: old clients send it by name, generated code is called in another way")
    if old.get("upload", False) != new.get("upload", False):
        what = "is a stream now" if new.get("upload") else "is no stream any more"
        yield Change(place, what, (Audience.CALLERS,), "it travels in another way")
    if old.get("doc") != new.get("doc"):
        yield Change(place, "the description is another one")


def _transports(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    for name in sorted({*old["transports"]} ^ {*new["transports"]}):
        if name in new["transports"]:
            yield Change(f"{place}.transports", f"{name} is new")
        else:
            audience = _BY_TRANSPORT.get(name, Audience.CALLERS)
            yield Change(
                f"{place}.transports", f"{name} is gone", (audience,), "their calls find no procedure"
            )


def _http(old: Http, new: Http, place: str, prefixes: tuple[str, str]) -> Iterator[Change]:
    before, after = (
        http["path"].removeprefix(prefix) for http, prefix in zip((old, new), prefixes, strict=True)
    )
    if before != after:
        breaks = () if _is_path_taken(before, after) else (Audience.HTTP_CALLERS,)
        why = "their requests find no route" if breaks else ""
        yield Change(f"{place}.path", f"is {after}, was {before}", breaks, why)
    if old["method"] != new["method"]:
        what = f"is {new['method']}, was {old['method']}"
        yield Change(f"{place}.method", what, (Audience.HTTP_CALLERS,), "their requests find no route")
    # A request without a body may get one that can be left out; what must be in it is a change of its own.
    if old["body"] != new["body"] and (old["body"] != "none" or new["body"] == "single"):
        breaks = () if new["body"] == "none" else (Audience.HTTP_CALLERS,)
        why = "what they send is read in another way" if breaks else ""
        yield Change(f"{place}.body", f"is {new['body']}, was {old['body']}", breaks, why)


def _is_path_taken(old: str, new: str) -> bool:
    """Whether the new path matches each URL of the old one. The names in it are not part of any URL."""
    before, after = re.split(_PLACEHOLDER, old), re.split(_PLACEHOLDER, new)
    if before[::2] != after[::2]:
        return False
    kinds = zip(before[1::2], after[1::2], strict=True)
    return all(wide in (narrow, "path") or (wide == "" and narrow != "path") for narrow, wide in kinds)


_PLACEHOLDER = r"\{\w+:?(\w*)\}"


def _access(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    if new.get("auth") and not old.get("auth"):
        yield Change(f"{place}.auth", "is needed now", (Audience.CALLERS,), "who is anonymous is refused")
    elif old.get("auth") and not new.get("auth"):
        yield Change(f"{place}.auth", "is not needed any more")
    before, after = {*old.get("scopes", ())}, {*new.get("scopes", ())}
    for scope in sorted(before ^ after):
        if scope in after:
            what, why = f"{scope} is needed now", "who has not that scope is refused"
            yield Change(f"{place}.scopes", what, (Audience.CALLERS,), why)
        else:
            yield Change(f"{place}.scopes", f"{scope} is not needed any more")


def _errors(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    lost, gained = sorted({*old["errors"]} - {*new["errors"]}), sorted({*new["errors"]} - {*old["errors"]})
    for code in gained:
        yield Change(
            place, f"{code} is new: every call may fail with codes that nobody declared, this is one of them"
        )
    for code in lost:
        if gained:
            why = f"what {code} told may be told by {' or '.join(gained)} now"
            yield Change(place, f"{code} is gone", (Audience.HANDLERS,), why)
        else:
            yield Change(place, f"{code} is gone")


def _resume(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    before, after = old.get("resume"), new.get("resume")
    if before == after:
        return
    if before is None:
        what = f"can be resumed for {after:g} s now: who leaves without a word does not end the stream"
        yield Change(place, what)
    elif after is None:
        # Over HTTP those who come back with the last id that they saw begin anew, and get items twice.
        what = f"cannot be resumed any more, could for {before:g} s"
        yield Change(place, what, _callers(old), "they get no rest of a stream whose connection is lost")
    else:
        what = f"can be resumed for {after:g} s, could for {before:g} s"
        breaks = _callers(old) if after < before else ()
        yield Change(place, what, breaks, "who comes back later than that finds no stream" if breaks else "")


def _callers(procedure: Procedure) -> tuple[Audience, ...]:
    """Whoever calls it, by whatever carries it."""
    match procedure["transports"]:
        case [transport]:
            return (_BY_TRANSPORT.get(transport, Audience.CALLERS),)
        case _:
            return (Audience.CALLERS,)


def _max_bytes(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    before, after = old.get("max_bytes"), new.get("max_bytes")
    if before == after:
        return
    what = f"is {_bytes(after)}, was {_bytes(before)}"
    if (after or DEFAULT_MAX_BYTES) < (before or DEFAULT_MAX_BYTES):
        yield Change(place, what, (Audience.CALLERS,), "large calls are refused")
    else:
        yield Change(place, what)


def _again(old: Procedure, new: Procedure, place: str) -> Iterator[Change]:
    """What may be done about a call of unknown fate."""
    if old.get("idempotent", False) != new.get("idempotent", False):
        if new.get("idempotent"):
            yield Change(f"{place}.idempotent", "is idempotent now")
        elif "dedupe" in new:
            what = "is not idempotent any more: what is sent again is not executed again"
            yield Change(f"{place}.idempotent", what)
        else:
            why = "old clients may send a call again"
            yield Change(f"{place}.idempotent", "is not idempotent any more", (Audience.CALLERS,), why)
    before, after = old.get("dedupe"), new.get("dedupe")
    if before == after:
        return
    what = f"outcomes are {_seconds(after)}, were {_seconds(before)}"
    if before is not None and not new.get("idempotent") and (after is None or after < before):
        late = "" if after is None else " later than that"
        why = f"a call that is sent again{late} is executed again"
        yield Change(f"{place}.dedupe", what, (Audience.CALLERS,), why)
    else:
        yield Change(f"{place}.dedupe", what)


def _seconds(kept: float | None) -> str:
    return "not kept" if kept is None else f"kept for {kept:g} s"


def _bytes(bound: int | None) -> str:
    return "the server's own" if bound is None else str(bound)
