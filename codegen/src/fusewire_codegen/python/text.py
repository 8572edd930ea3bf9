"""Lines of Python: docstrings that cannot end early, and signatures and calls that are broken when they are long."""

from __future__ import annotations

import re
from collections.abc import Sequence

WIDTH = 110
"""Columns after which a line is broken."""


def docstring(lines: Sequence[str], indent: str) -> list[str]:
    """The lines of one docstring; none at all when there is nothing to say."""
    safe = [_safe(part) for line in lines for part in (line.splitlines() or [""])]
    while safe and not safe[-1]:
        safe.pop()
    if not safe:
        return []
    if len(safe) == 1:
        # A quote or a backslash at the end would touch the closing quotes.
        end = " " if safe[0].endswith('"') else ""
        return [f'{indent}"""{safe[0]}{end}"""']
    return [f'{indent}"""{safe[0]}', *(f"{indent}{line}".rstrip() for line in safe[1:]), f'{indent}"""']


def bracketed(head: str, parts: Sequence[str], tail: str) -> list[str]:
    """`head` with `parts` in it and `tail`, on one line if that fits, or a line for each part."""
    line = f"{head}{', '.join(parts)}{tail}"
    if len(line) <= WIDTH or not parts:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    return [head, *(f"{indent}    {part}," for part in parts), f"{indent}{tail}"]


def string(value: str) -> str:
    """A literal in double quotes, of ASCII alone where it could not be seen otherwise."""
    inner = repr(value)[1:-1]
    if repr(value).startswith("'"):
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def _safe(line: str) -> str:
    shown = re.sub(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]", "\ufffd", line.rstrip())
    return shown.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
