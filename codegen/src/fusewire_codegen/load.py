"""The one module that knows the server: from `module:attribute` to the contract that the app promises."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from fusewire_codegen import fresh

DEFAULT_ATTRIBUTE = "app"
PRELOAD = ("fusewire.app", "fusewire.router", "fastapi", "pydantic")
"""What every app imports, so that the watcher can have it imported before the first change."""


class Target(NamedTuple):
    """What the user named: a module and an attribute (which may be dotted) in it."""

    module: str
    attribute: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `module:attribute`; the attribute is `app` when it is left out. Raises `LoadError`."""
        module, _, attribute = text.partition(":")
        if not all(part.isidentifier() for part in module.split(".")):
            raise LoadError(f"{text!r} is not a module: write it as in an import, like app.backend.main:app")
        return cls(module, attribute or DEFAULT_ATTRIBUTE)

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"


class Loaded(NamedTuple):
    """The contract as the app promises it, not validated yet, and the file of the app's module."""

    contract: dict[str, Any]
    source: Path


class LoadError(Exception):
    """The target is there but is no Fusewire app, or is not there at all. The message is for the user."""


@runtime_checkable
class HasContract(Protocol):
    """A `fusewire.Fuse`, as far as this package needs one."""

    def contract(self) -> dict[str, Any]:
        """The contract as `docs/contract.md` has it."""


def load(target: Target, root: Path) -> Loaded:
    """Import the user's module with `root` on `sys.path`, as `uvicorn` does, and take the contract.

    Raises `LoadError`, or whatever the user's own code raises.
    """
    enter(root)
    # Here, for it brings FastAPI with it, which the command does not need to start.
    from fusewire.loading import contract_only

    with contract_only():
        module = importlib.import_module(target.module)
        if module.__file__ is None:
            raise LoadError(f"{target.module} has no file: name the module that makes the app")
        return Loaded(_fuse(module, target).contract(), Path(module.__file__))


def enter(root: Path) -> None:
    """Have modules below `root` imported from their source as it is now. Twice is as good as once."""
    fresh.install(root)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


@contextmanager
def preparing() -> Iterator[Callable[[], None]]:
    """What is imported inside is imported for contracts; the function given works out what they will ask of it."""
    from fusewire.loading import contract_only, prepare

    with contract_only():
        yield prepare


def framework_folders() -> tuple[Path, ...]:
    """Where Fusewire's own packages lie, at whose lines the user's errors are not reported."""
    specs = [importlib.util.find_spec(name) for name in ("fusewire", "fusewire_codegen")]
    return tuple(Path(spec.origin).parent for spec in specs if spec and spec.origin)


def _fuse(module: ModuleType, target: Target) -> HasContract:
    value: object = module
    for name in target.attribute.split("."):
        if not hasattr(value, name):
            raise LoadError(f"{target.module} has no attribute {target.attribute!r}")
        value = getattr(value, name)
    # A FastAPI app carries the Fuse that was made for it.
    for candidate in (value, getattr(getattr(value, "state", None), "fusewire", None)):
        if isinstance(candidate, HasContract):
            return candidate
    kind = type(value).__name__
    raise LoadError(f"{target} is a {kind}, not a Fuse and not a FastAPI app that a Fuse was made for")
