"""`python -m tests.corpus.shuffled SEED`: prints what identifies the output when modules are imported and procedures registered in another
order. The hash seed is the environment's."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Sequence
from importlib import import_module

from fusewire.loading import contract_only

# What has names to give, and unions to order.
THEMES = ("clashes", "generics", "unions", "recursion", "enums")


def fingerprint(order: random.Random, themes: Sequence[str] = THEMES) -> str:
    """A hash of the contract file and of the TypeScript."""
    from fusewire_codegen.contract import serialise, validate

    from tests.corpus.app import build
    from tests.corpus.entry import entries_of
    from tests.corpus.generated import source_of

    with contract_only():
        modules = [import_module(f"tests.corpus.{name}") for name in order.sample(themes, len(themes))]
        entries = [entry for module in modules for entry in entries_of(module)]
        order.shuffle(entries)
        fuse = build(entries)
        text = serialise(validate(fuse.contract())) + source_of(fuse)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


if __name__ == "__main__":
    sys.stdout.write(fingerprint(random.Random(int(sys.argv[1]))))
