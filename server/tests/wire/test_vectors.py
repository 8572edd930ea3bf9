"""Python's side of the vectors that TypeScript reads too."""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fusewire.wire import messages as m
from fusewire.wire.codec import BigInteger, Sizes, pack, unpack, write
from fusewire.wire.frame import read_frame
from fusewire.wire.messages import Kind
from fusewire.wire.shapes import Fault

VECTORS = Path(__file__).parents[3] / "tests" / "vectors"
CLASSES: dict[str, Any] = {kind.name.lower(): getattr(m, name) for kind, name in zip(
    Kind,
    ["Hello", "Welcome", "Call", "Result",
      "Item", "End", "Error", "Cancel", "Credit", "Event", "Refresh", "Ping", "Pong", "GoAway", "Topic",
      "Resume", "Stream"],
    strict=True,
)}  # fmt: skip
PACKED_FIELDS = ("value", "data", "detail")


def load(name: str) -> list[Any]:
    vectors: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def plain(value: Any) -> Any:
    """From the tagged JSON of the vectors to Python values."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$bytes": text}:
            return bytes.fromhex(text)
        case {"$date": milliseconds}:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        case {"$float": text}:
            return float(text)
        case {"$int": text} | {"$bigint": text}:
            return int(text)
    return {key: plain(item) for key, item in value.items()}


def big(value: int) -> Any:
    """What msgpack's own integers do not hold."""
    return BigInteger(str(value)).extension


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, datetime) and isinstance(other, datetime):
        # Exact to the millisecond, which is what both languages have.
        return abs(one - other) < timedelta(milliseconds=1)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


@pytest.mark.parametrize("vector", load("codec.json"))
def test_codec(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    if "error" in vector:
        # What only JavaScript cannot hold is a value here, and the depth that its vectors test is more than the server's.
        if vector["error"] == "RANGE":
            assert isinstance(unpack(data, Sizes()), int)
            return
        with pytest.raises(ValueError):
            unpack(data, Sizes())
        return
    value = unpack(data, Sizes(elements=100_000))
    assert same(plain(vector["value"]), value)
    assert same(value, unpack(pack(value, big), Sizes(elements=100_000)))


@pytest.mark.parametrize("vector", load("messages.json"))
def test_messages(vector: dict[str, Any]) -> None:
    ((found, _size), *rest) = read_frame(bytes.fromhex(vector["hex"]), Sizes())
    if "error" in vector:
        assert isinstance(found, Fault), found
        assert (found.code, found.id) == (vector["error"], vector.get("id"))
        return
    assert not rest
    assert not isinstance(found, Fault), found
    expected = dict(vector["message"])
    kind = CLASSES[expected.pop("kind")]
    assert type(found) is kind
    assert same(asdict(kind(**{key: plain(item) for key, item in expected.items()})), asdict(found))


@pytest.mark.parametrize("vector", [v for v in load("messages.json") if "message" in v.values[0]])
def test_what_is_written_reads_back(vector: dict[str, Any]) -> None:
    fields = {key: plain(item) for key, item in vector["message"].items()}
    kind = CLASSES[fields.pop("kind")]
    outgoing = {key: pack(item) if key in PACKED_FIELDS else item for key, item in fields.items()}
    ((found, _size),) = read_frame(write(kind(**outgoing)), Sizes())
    assert not isinstance(found, Fault), found
    assert same(asdict(kind(**fields)), asdict(found))
