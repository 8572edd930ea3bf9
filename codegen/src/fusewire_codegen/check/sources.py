"""Where contracts to compare are read from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fusewire_codegen.contract import Contract, ContractError, parse

STDIN = "-"


class UnreadableError(Exception):
    """A contract that cannot be read. The message names it, and is for the user."""


def read(source: str) -> Contract:
    """The contract in the file `source`, or on standard input for `-`. Raises `UnreadableError`."""
    try:
        text = sys.stdin.read() if source == STDIN else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{source}: {error}") from error
    return _parsed(text, source)


def read_revision(revision: str, path: Path) -> Contract:
    """The contract that git has in the file `path` at `revision`. Raises `UnreadableError`."""
    folder, name = path.absolute().parent, path.name
    # Never an option to git, whatever the revision is called.
    command = ["git", "-C", str(folder), "show", "--end-of-options", f"{revision}:./{name}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603 — no shell
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path} at {revision}: {error}") from error
    if done.returncode:
        raise UnreadableError(f"{path} at {revision}: {done.stderr.strip()}")
    return _parsed(done.stdout, f"{path} at {revision}")


def _parsed(text: str, name: str) -> Contract:
    try:
        return parse(text)
    except ContractError as error:
        raise UnreadableError(f"{name}: the contract is not usable: {error}") from error
