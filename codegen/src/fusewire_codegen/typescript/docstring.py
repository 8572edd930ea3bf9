"""What a docstring says about parameters, the result and errors, in Google's, NumPy's or Sphinx's style."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent

_SECTIONS = {
    "args": "params",
    "arguments": "params",
    "parameters": "params",
    "params": "params",
    "keyword args": "params",
    "keyword arguments": "params",
    "other parameters": "params",
    "returns": "returns",
    "return": "returns",
    "yields": "returns",
    "yield": "returns",
    "raises": "raises",
}
_SPHINX = {
    **dict.fromkeys(("param", "parameter", "arg", "argument", "key", "keyword"), "params"),
    **dict.fromkeys(("return", "returns", "yield", "yields"), "returns"),
    **dict.fromkeys(("raise", "raises", "except", "exception"), "raises"),
    **dict.fromkeys(("type", "rtype"), "types"),
}
_SPHINX_FIELD = re.compile(rf":({'|'.join(_SPHINX)})\b([^:]*):(.*)")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}([\w.]+)\s*(?:\(.*?\))?:(?:\s+(.*)|$)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}[\w.]+(?:\s*,\s*\*{0,2}[\w.]+)*)(?:\s*:.*)?")
_LEADING_TYPE = re.compile(r"\A[\w.\[\]|,]+:\s+")


@dataclass(frozen=True, slots=True)
class Docstring:
    """`text` is what is left without the sections; `params` and `raises` are by name, without the types."""

    text: str
    params: dict[str, str] = field(default_factory=dict)
    returns: str = ""
    raises: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Docstring:
    """Read a docstring whose indentation is cleaned. Other sections (`Example:`) stay in the text."""
    lines = text.splitlines()
    kept: list[str] = []
    found: dict[str, dict[str, str]] = {"params": {}, "returns": {}, "raises": {}, "types": {}}
    place = 0
    while place < len(lines):
        kind, entries, end = _section(lines, place)
        if end == place:
            kept.append(lines[place])
            end += 1
        else:
            found[kind] |= entries
        place = end
    left = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return Docstring(left, found["params"], found["returns"].get("", ""), found["raises"])


def _section(lines: Sequence[str], start: int) -> tuple[str, dict[str, str], int]:
    """The kind of the section that begins at `start`, what it says by name, and where it ends; at `start` if there is none."""
    line = lines[start]
    if sphinx := _SPHINX_FIELD.match(line):
        end = _indented_until(lines, start + 1)
        kind, name = _SPHINX[sphinx[1]], sphinx[2].split()[-1:] or [""]
        text = _joined([sphinx[3], *lines[start + 1 : end]])
        return kind, {"" if kind == "returns" else name[0].lstrip("*"): text}, end
    if _is_numpy_head(lines, start) and (kind := _SECTIONS.get(line.strip().lower(), "")):
        end = next((at for at in range(start + 2, len(lines)) if _is_numpy_head(lines, at)), len(lines))
        return kind, _numpy_entries(kind, lines[start + 2 : end]), end
    if line.endswith(":") and (kind := _SECTIONS.get(line[:-1].strip().lower(), "")):
        end = _indented_until(lines, start + 1)
        block = dedent("\n".join(lines[start + 1 : end])).splitlines()
        return (kind, _google_entries(kind, block), end) if any(block) else (kind, {}, start)
    return "", {}, start


def _indented_until(lines: Sequence[str], start: int) -> int:
    """Behind the last line from `start` on that is indented; blank lines between such lines belong to them."""
    end = start
    for at in range(start, len(lines)):
        if lines[at].strip() and not lines[at][0].isspace():
            break
        if lines[at].strip():
            end = at + 1
    return end


def _is_numpy_head(lines: Sequence[str], at: int) -> bool:
    follows = lines[at + 1].strip() if at + 1 < len(lines) else ""
    return bool(lines[at].strip()) and len(follows) >= 3 and set(follows) == {"-"}


def _google_entries(kind: str, block: Sequence[str]) -> dict[str, str]:
    if kind == "returns":
        return {"": _LEADING_TYPE.sub("", _joined(block))}
    entries: dict[str, list[str]] = {}
    for line in block:
        if entry := _GOOGLE_ENTRY.match(line):
            entries[entry[1]] = [entry[2] or ""]
        elif entries:
            entries[next(reversed(entries))].append(line)
    return {name: _joined(text) for name, text in entries.items()}


def _numpy_entries(kind: str, block: Sequence[str]) -> dict[str, str]:
    groups = list(_groups(block))
    if kind == "returns":
        said = [text for _, text in groups if text]
        return {"": " ".join(said or [head for head, _ in groups])}
    entries: dict[str, str] = {}
    for head, text in groups:
        if entry := _NUMPY_ENTRY.fullmatch(head):
            entries |= {name.strip().lstrip("*"): text for name in entry[1].split(",")}
    return entries


def _groups(block: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each line that is not indented, with the indented text below it."""
    heads = [at for at, line in enumerate(block) if line.strip() and not line[0].isspace()]
    for at, following in zip(heads, [*heads[1:], len(block)], strict=True):
        yield block[at].strip(), _joined(block[at + 1 : following])


def _joined(lines: Sequence[str]) -> str:
    return " ".join(part for line in lines if (part := line.strip()))
