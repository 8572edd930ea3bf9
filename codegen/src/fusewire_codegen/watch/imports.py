"""Which of the user's modules import which: what has to be imported again when a file changes, and what has not."""

from __future__ import annotations

import builtins
import importlib
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from importlib.util import find_spec, module_from_spec, resolve_name
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Self

from fusewire_codegen.project import Project


class Imported(NamedTuple):
    """A module of the user's, and the names of all that it imported, what is not the user's too."""

    name: str
    file: str
    imports: list[str]


class Recorder:
    """As a context: notes every import in this process, by `import` statements and by `importlib.import_module`."""

    def __init__(self) -> None:
        self.imports: dict[str, set[str]] = defaultdict(set)
        self._statement: Callable[..., ModuleType] = builtins.__import__
        self._function: Callable[..., ModuleType] = importlib.import_module

    def __enter__(self) -> Self:
        setattr(builtins, "__import__", self._import)  # noqa: B010 — for mypy the name is not to be assigned to.
        setattr(importlib, "import_module", self._import_module)  # noqa: B010
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        setattr(builtins, "__import__", self._statement)  # noqa: B010
        setattr(importlib, "import_module", self._function)  # noqa: B010

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 — CPython's own name for it.
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        module = self._statement(name, globals, locals, fromlist, level)
        if globals and (importer := globals.get("__name__")):
            package = globals.get("__package__") or ""
            full = resolve_name("." * level + name, package) if level else name
            inner = [f"{full}.{part}" for part in fromlist or ()]
            modules = [name for name in inner if name in sys.modules]
            # Who takes nothing but modules out of a package has not looked at what its `__init__` says.
            self.imports[importer].update(modules if modules and modules == inner else [full, *modules])
        return module

    def _import_module(self, name: str, package: str | None = None) -> ModuleType:
        importer = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001 — there is no public way.
        module = self._function(name, package)
        self.imports[importer].add(module.__name__)
        return module


class Graph:
    """Who imports whom among `modules`."""

    def __init__(self, modules: Iterable[Imported]) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)
        self._importers: dict[str, set[str]] = defaultdict(set)
        for module in modules:
            self._names[module.file].append(module.name)
            for name in module.imports:
                self._importers[name].add(module.name)

    def reached(self, files: Iterable[str]) -> frozenset[str]:
        """The names of the modules that lie in `files` or import, over however many others, one that does.

        A module of a package does not depend on the package by being in it (see `hollow`).
        """
        waiting = [name for file in files for name in self._names.get(file, ())]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._importers.get(name, ())
        return frozenset(found)


def stage(order: Sequence[str], left_out: Collection[str]) -> tuple[list[str], frozenset[str]]:
    """What is to be imported without `left_out`, in order, and the packages to enter for that though their `__init__` is left out."""
    modules = [name for name in order if name not in left_out]
    inside = {package for name in modules for package in _packages(name)}
    return modules, frozenset(inside.intersection(left_out))


def hollow(name: str) -> ModuleType:
    """Have the package `name` imported without its `__init__` run, so that modules in it can be imported."""
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no package {name}", name=name)
    module = module_from_spec(spec)
    sys.modules[name] = module
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, module)
    return module


def fill(packages: Iterable[ModuleType]) -> None:
    """Run the `__init__` of hollow packages. Raises whatever one raises."""
    for package in packages:
        spec = package.__spec__
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module(package)


def user_files(project: Project) -> list[Path]:
    """The files of the modules in this process that lie in the project."""
    return [file for file in files_of(sys.modules) if project.is_below(file)]


def files_of(names: Iterable[str]) -> list[Path]:
    """The files that the modules of these names, as far as they are imported, were loaded from."""
    modules = [sys.modules[name] for name in list(names) if name in sys.modules]
    return [file for module in modules if (file := module_file(module))]


def module_file(module: ModuleType | None) -> Path | None:
    """Where `module` was loaded from, or None for one without a file (built in, or made up at run time)."""
    file = getattr(module, "__file__", None)
    return Path(file) if isinstance(file, str) else None


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]
