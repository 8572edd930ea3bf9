"""Writes .env from .env.example: make_env.py SOURCE TARGET. Never overwrites."""

import os
import secrets
import sys
from pathlib import Path

PLACEHOLDER = "<generate>"


def fill(example: str) -> str:
    """Every `NAME=<generate>` gets a value of its own; comments and other lines stay as they are."""
    lines = []
    for line in example.splitlines():
        name, equals, value = line.partition("=")
        secret = equals and value.strip() == PLACEHOLDER and not line.startswith("#")
        lines.append(f"{name}={secrets.token_urlsafe(48)}" if secret else line)
    return "\n".join(lines) + "\n"


def main(source: str, target: str) -> None:
    # "x" and 0600 in one step: no moment in which the file exists and others can read it, and no overwriting.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(fill(Path(source).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(*sys.argv[1:])
