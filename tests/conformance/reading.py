"""How `tests/vectors/conversations.json` is read: its small language of large inputs and of values that vary (see README there)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.conformance.messages import FIELDS, Message, encode, pack

CONVERSATIONS = Path(__file__).parents[1] / "vectors" / "conversations.json"
STEPS = ("connect", "refused", "client", "text", "server", "granted", "close", "reconnects")

Bound = dict[str, Any]
"""What `$bind` has caught so far."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """`side`: who can be played against it: a `server`, a `client`, or `both`. `start`: what has happened already: `nothing`,
    `connected`, or `welcome`. `slow`: it waits for one of the protocol's times. `silent`: pings are not answered. `stops_server`: so
    it does. `machine`: the answers need no procedures."""

    number: int
    section: str
    name: str
    steps: list[dict[str, Any]]
    side: str = "server"
    start: str = "welcome"
    slow: bool = False
    silent: bool = False
    stops_server: bool = False
    machine: bool = False

    def __str__(self) -> str:
        return f"{self.number:03d} {self.section} {self.name}"


def load() -> list[Conversation]:
    """All of them, in order."""
    return [Conversation(**said) for said in json.loads(CONVERSATIONS.read_text())]


def value_of(tagged: Any, bound: Bound) -> Any:
    """The value that tagged JSON stands for."""
    if isinstance(tagged, list):
        return [value_of(item, bound) for item in tagged]
    if not isinstance(tagged, dict):
        return tagged
    match tagged:
        case {"$bytes": text}:
            return bytes.fromhex(text)
        case {"$date": milliseconds}:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        case {"$float": text}:
            return float(text)
        case {"$int": text} | {"$bigint": text}:
            return int(text)
        case {"$bound": name}:
            return bound[name]
        case {"$repeat": [what, times]}:
            return value_of(what, bound) * times
        case {"$nest": [what, levels]}:
            value = value_of(what, bound)
            for _ in range(levels):
                value = [value]
            return value
    return {key: value_of(item, bound) for key, item in tagged.items()}


def parts_of(said: list[Any]) -> Iterator[Any]:
    """The messages of a step one by one, repetitions written out."""
    for part in said:
        match part:
            case {"$repeat": [list() as parts, int() as times]}:
                for _ in range(times):
                    yield from parts_of(parts)
            case {"$each": [first, last, template]}:
                yield from parts_of([_numbered(template, n) for n in range(first, last + 1)])
            case _:
                yield part


def frame_of(said: list[Any], bound: Bound) -> bytes:
    """The bytes of a `client` step."""
    return b"".join(_bytes_of(part, bound) for part in parts_of(said))


def _bytes_of(part: Any, bound: Bound) -> bytes:
    match part:
        case str():
            return bytes.fromhex(part)
        case {"$repeat": [str() as text, int() as times]}:
            return bytes.fromhex(text) * times
        case {"$pack": value}:
            return _packed(value, bound)
        case {"kind": _}:
            return encode(message_of(part, bound), value_of(part.get("$extra"), bound))
    raise ValueError(f"not a part of a frame: {part}")


def message_of(part: dict[str, Any], bound: Bound) -> Message:
    """A message that is written with its kind and fields."""
    return {key: value_of(item, bound) for key, item in part.items() if key != "$extra"}


def _packed(tagged: Any, bound: Bound) -> bytes:
    match tagged:
        case {"$nest": [what, levels]}:
            # Deeper than any encoder goes.
            return b"\x91" * int(levels) + _packed(what, bound)
        case list() if len(tagged) < 16:
            return bytes([0x90 + len(tagged)]) + b"".join(_packed(item, bound) for item in tagged)
    return pack(value_of(tagged, bound))


def _numbered(template: Any, n: int) -> Any:
    if template == "$n":
        return n
    if isinstance(template, list):
        return [_numbered(item, n) for item in template]
    if isinstance(template, dict):
        return {key: _numbered(item, n) for key, item in template.items()}
    return template


ANY: dict[str, type | tuple[type, ...]] = {
    "any": object,
    "str": str,
    "int": int,
    "bool": bool,
    "bytes": bytes,
    "list": list,
    "map": dict,
}


def fits(pattern: Any, value: Any, bound: Bound) -> bool:
    """Whether a value is what a pattern says; numbers of different types differ. `$bind` remembers it."""
    match pattern:
        case {"$any": kind}:
            return isinstance(value, ANY[kind]) and (kind != "int" or not isinstance(value, bool))
        case {"$bind": name}:
            bound[name] = value
            return True
        case {"$has": entries}:
            return isinstance(value, dict) and all(
                key in value and fits(entry, value[key], bound) for key, entry in entries.items()
            )
        case {"$every": each}:
            return isinstance(value, list) and bool(value) and all(fits(each, item, bound) for item in value)
        case {"$at_least": least}:
            return isinstance(value, int) and not isinstance(value, bool) and value >= least
        case dict() if not any(key.startswith("$") for key in pattern):
            return (
                isinstance(value, dict)
                and pattern.keys() == value.keys()
                and all(fits(entry, value[key], bound) for key, entry in pattern.items())
            )
        case list():
            return (
                isinstance(value, list)
                and len(pattern) == len(value)
                and all(fits(*pair, bound) for pair in zip(pattern, value, strict=True))
            )
    return _equal(value_of(pattern, bound), value)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return type(one) is type(other) and bool(one == other)


def message_fits(pattern: Message, message: Message, bound: Bound) -> bool:
    """Field by field; what a pattern leaves out must be absent, but for an error's `detail`, whose text nobody fixes."""
    if pattern["kind"] != message["kind"]:
        return False
    for field in FIELDS[pattern["kind"]][1]:
        if field == "detail" and "detail" not in pattern:
            continue
        if not fits(pattern.get(field), message.get(field), bound):
            return False
    return True
