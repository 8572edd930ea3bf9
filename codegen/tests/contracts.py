"""Small contracts for tests."""

from __future__ import annotations

import random
from typing import Any


def contract(**parts: Any) -> dict[str, Any]:
    """An empty contract with `parts` put in."""
    empty: dict[str, Any] = {
        "fusewire": 1,
        "app": "app",
        "hash": "0" * 16,
        "calls": "1" * 16,
        "ws_path": "/_ws",
        "api_prefix": "/api",
        "procedures": {},
        "events": {},
        "errors": {},
        "types": {},
    }
    return empty | parts


def procedure(*params: dict[str, Any], body: str = "fields", **more: Any) -> dict[str, Any]:
    """A procedure called `f` that returns None; `more` replaces what it is made of."""
    entry: dict[str, Any] = {
        "kind": "call",
        "params": list(params),
        "result": {"type": "null"},
        "errors": [],
        "http": {"method": "POST", "path": "/api/f", "body": body},
        "transports": ["http", "websocket"],
        "auth": False,
        "scopes": [],
    }
    return entry | more


def param(name: str, *, required: bool = True, keyword: bool = False, **schema: Any) -> dict[str, Any]:
    """A parameter, a string unless `schema` says otherwise."""
    return {"name": name, "schema": {"type": "string"} | schema, "required": required, "keyword": keyword}


def upload(name: str = "items", *, keyword: bool = False, **schema: Any) -> dict[str, Any]:
    """A parameter that is a stream of items, strings unless `schema` says otherwise."""
    return param(name, keyword=keyword, **schema) | {"upload": True}


def shuffled(value: Any, chance: random.Random, *, fields: bool = False) -> Any:
    """Another order of every key, but of a type's fields, whose order is the one they were declared in."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    if not fields:
        chance.shuffle(keys)
    return {key: shuffled(value[key], chance, fields=key == "properties" and not fields) for key in keys}
