"""What a mutation is, and the small sources that they are made of."""

from __future__ import annotations

from typing import NamedTuple

C, W, H = "callers", "callers over WebSocket", "callers over HTTP"
R, L, E = "receivers", "listeners", "handlers"


class Mutation(NamedTuple):
    """`place`: where one of the changes must be told of. `breaks`: for whom, all changes together; empty for compatible."""

    name: str
    before: str
    after: str
    place: str
    breaks: frozenset[str]


def case(name: str, before: str, after: str, place: str, *breaks: str) -> Mutation:
    """A mutation that breaks for these, or for nobody."""
    return Mutation(name, before, after, place, frozenset(breaks))


def app(
    parameters: str = "", returns: str = "int", rpc: str = "@rpc", *, models: str = "", doc: str = ""
) -> str:
    """An app with one procedure, `f`, behind its `models`."""
    return f'{models}\n{rpc}\nasync def f({parameters}) -> {returns}:\n    """{doc or "Does it."}"""\n'


def stream(item: str, *, parameters: str = "", rpc: str = "@rpc") -> str:
    """An app whose `f` is a stream of `item`."""
    return f"{rpc}\nasync def f({parameters}) -> AsyncGenerator[{item}, None]:\n    yield\n"


def model(*fields: str, name: str = "M", base: str = "BaseModel") -> str:
    """A class with these fields."""
    return f"class {name}({base}):\n" + "".join(f"    {field}\n" for field in fields or ("pass",))
