"""What an app is imported for: to serve, or for its contract alone, as the code generator imports it.

For the contract alone no REST routes are built, which is half the time that importing a large app takes; everything is checked all the
same. What was worked out about a function is kept meanwhile: a process that has the unchanged part of an app imported, and is forked for
every change, has it once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

Made = TypeVar("Made")

_kept: dict[Hashable, Any] | None = (
    None  # None: to serve. Of the process, not of a context: imports may use threads.
)

_preparations: list[Callable[[], object]] = []


@contextmanager
def contract_only() -> Iterator[None]:
    """What is imported inside is imported for its contract. Such an app must not serve. Nesting changes nothing."""
    global _kept
    outer, _kept = _kept, {} if _kept is None else _kept
    try:
        yield
    finally:
        _kept = outer
        if outer is None:
            _preparations.clear()


def is_contract_only() -> bool:
    """Whether the import under way is for the contract alone."""
    return _kept is not None


def once(key: Hashable, make: Callable[[], Made]) -> Made:
    """`make()`; while importing for the contract alone, what it returned for an equal key before."""
    if _kept is None or not _is_hashable(key):
        return make()
    if key not in _kept:
        _kept[key] = make()
    made: Made = _kept[key]
    return made


def when_preparing(work: Callable[[], object]) -> None:
    """Have `prepare()` call `work`; nothing happens when the import under way is not for the contract alone."""
    if _kept is not None:
        _preparations.append(work)


def prepare() -> None:
    """Work out now what a contract will ask for `once`. What cannot be worked out is left to whoever asks."""
    while _preparations:
        with suppress(Exception):
            _preparations.pop()()


def _is_hashable(key: Hashable) -> bool:
    try:
        hash(key)
    except TypeError:  # a callable object need not have a hash
        return False
    return True
