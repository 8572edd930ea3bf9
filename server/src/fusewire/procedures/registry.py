"""All procedures of one app, by name."""

from __future__ import annotations

from collections.abc import Iterator

from fusewire.errors import RegistrationError
from fusewire.identity import Transport
from fusewire.procedures.procedure import Procedure


class Registry:
    """Names are unique over all routers, and none is both a procedure and a namespace."""

    def __init__(self) -> None:
        self._procedures: dict[str, Procedure] = {}

    def __repr__(self) -> str:
        return f"<Registry {len(self._procedures)} procedures>"

    def __iter__(self) -> Iterator[Procedure]:
        return iter(self._procedures.values())

    def add(self, procedure: Procedure) -> None:
        """Raises `RegistrationError` for a clash, naming both places."""
        for other in self._procedures.values():
            names = sorted((procedure.name, other.name), key=len)
            if names[0] == names[1] or names[1].startswith(names[0] + "."):
                raise RegistrationError(
                    f"two procedures would both be client.{names[0]}: {other.place} and {procedure.place}; "
                    "give one a `name=`, or its router a `namespace=`"
                )
        self._procedures[procedure.name] = procedure

    def find(self, name: str, transport: Transport) -> Procedure | None:
        procedure = self._procedures.get(name)
        return procedure if procedure is not None and transport in procedure.options.served_on else None
