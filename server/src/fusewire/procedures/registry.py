"""All procedures of one app, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fusewire.errors import RegistrationError, RpcError
from fusewire.procedures.procedure import Procedure

_NAMES = re.compile(r"\{[^}]*\}")


def _route(procedure: Procedure) -> tuple[str, str]:
    return procedure.method, _NAMES.sub("{}", procedure.path)


def _namespaces(procedure: Procedure) -> list[str]:
    """`a.b` and `a` of `a.b.c`."""
    parts = procedure.name.split(".")
    return [".".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1)]


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_same(one: Procedure, other: Procedure) -> bool:
    return one.root.call is other.root.call


class Registry:
    """Names are unique over all routers, and none is both a procedure and a namespace."""

    def __init__(self) -> None:
        self._procedures: dict[str, Procedure] = {}
        self._routes: dict[tuple[str, str], Procedure] = {}
        self._namespaces: dict[str, Procedure] = {}
        self._errors: dict[str, type[RpcError[Any]]] = {}
        self.on_websocket: dict[str, Procedure] = {}
        self.call_bytes: dict[str, int] = {}
        """The procedures whose calls have a bound of their own."""

    def __repr__(self) -> str:
        return f"<Registry {len(self._procedures)} procedures>"

    def __iter__(self) -> Iterator[Procedure]:
        return iter(self._procedures.values())

    def named(self, name: str) -> Procedure | None:
        """The procedure of this name, on whatever transports it is served."""
        return self._procedures.get(name)

    def check(self, procedure: Procedure) -> None:
        """Raises `RegistrationError` for a clash of names, routes or error codes, naming both places."""
        taken = (self._procedures.get(name) for name in (procedure.name, *_namespaces(procedure)))
        other = next(filter(None, taken), None) or self._namespaces.get(procedure.name)
        if other is not None:
            if other.name == procedure.name and _is_same(other, procedure):
                raise RegistrationError(
                    f"{procedure.place} would be client.{procedure.name} twice: it is decorated twice, or its router is included twice; "
                    "give one a `name=`, or one of the inclusions a `namespace=`"
                )
            shared = min(procedure.name, other.name, key=len)
            raise RegistrationError(
                f"two procedures would both be client.{shared}: {other.place} and {procedure.place}; "
                "give one a `name=`, or its router a `namespace=`"
            )
        if "http" in procedure.served_on and (twin := self._routes.get(_route(procedure))):
            if _is_same(twin, procedure):
                raise RegistrationError(
                    f"{procedure.place} would be {procedure.method} {procedure.path} twice: it is decorated twice, or its router is "
                    "included twice; give one a path of its own, or one of the inclusions a `prefix=`"
                )
            raise RegistrationError(
                f"two procedures would both be {procedure.method} {procedure.path}: {twin.place} and {procedure.place}"
            )
        codes = dict(self._errors)
        for error in procedure.options.raises:
            known = codes.setdefault(error.code, error)
            if known is not error:
                raise RegistrationError(
                    f"two errors would both be {error.code}: {_name(known)} and {_name(error)}, in {procedure.place}"
                )

    def add(self, procedure: Procedure) -> None:
        """Take in a procedure that was checked."""
        self._errors.update({error.code: error for error in procedure.options.raises})
        self._routes[_route(procedure)] = procedure
        self._procedures[procedure.name] = procedure
        for namespace in _namespaces(procedure):
            self._namespaces.setdefault(namespace, procedure)
        if "websocket" in procedure.served_on:
            self.on_websocket[procedure.name] = procedure
        if procedure.options.max_bytes is not None:
            self.call_bytes[procedure.name] = procedure.options.max_bytes
