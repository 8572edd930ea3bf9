"""What a call looks like as an HTTP request (PROTOCOL §8)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from msgpack import ExtType

from fusewire.client.values import plain
from fusewire.wire.codec import pack

Body = Literal["fields", "single", "form"]
_PARAMETER = re.compile(r"\{(\w+)(:path)?[^}]*\}")
_WITHOUT_BODY = ("GET", "DELETE", "HEAD")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request, below the API's base."""

    name: str
    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    content: bytes | None = None
    form: dict[str, list[str]] = field(default_factory=dict)
    files: list[tuple[str, Any]] = field(default_factory=list)
    retry: bool = False
    """Whether it is sent again when no answer came."""
    key: str | None = None
    """What names it over all attempts, where the server looks for that."""


def to_http_call(name: str, route: str, body: Body, values: Mapping[str, Any]) -> HttpCall:
    """`route` is `METHOD /path/{parameter}`; `values` are those that were given, by parameter.

    Raises `TypeError` for a value that the place where it goes cannot carry.
    """
    method, template = route.split(" ", 1)
    rest = dict(values)

    def segment(found: re.Match[str]) -> str:
        text = quote(_scalar(plain(rest.pop(found[1])), found[1]), safe="")
        return text.replace("%2F", "/") if found[2] else text

    path = _PARAMETER.sub(segment, template)
    if method in _WITHOUT_BODY:
        return HttpCall(name, method, path, query=_pairs(rest))
    if body == "form":
        files = {key: value for key, value in rest.items() if _is_file(value)}
        form: dict[str, list[str]] = {}
        for key, text in _pairs({key: value for key, value in rest.items() if key not in files}):
            form.setdefault(key, []).append(text)
        return HttpCall(name, method, path, form=form, files=_files(files))
    if not rest:
        return HttpCall(name, method, path)
    value = plain(next(iter(rest.values()))) if body == "single" else plain(rest)
    return HttpCall(name, method, path, content=pack(value))


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Neither a query nor a form has a way to say None; what is left out takes the Python default."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        sent = plain(value)
        if isinstance(sent, dict):
            # A model of query parameters.
            pairs += _pairs(sent)
            continue
        several = sent if isinstance(sent, list) else [sent]
        pairs += [(name, _scalar(item, name)) for item in several if item is not None]
    return pairs


def _scalar(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, ExtType):
        # An integer beyond 64 bits.
        return str(value.data, "ascii")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        # Without the slash, which would divide a path.
        return b64encode(value).decode().replace("/", "_")
    raise TypeError(f"cannot send {type(value).__name__} in a URL or a form (at {name})")


def _is_file(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, bytes | tuple) or hasattr(first, "read")


def _files(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, ("file", file) if isinstance(file, bytes) else file)
        for name, value in values.items()
        for file in (value if isinstance(value, list) else [value])
    ]
