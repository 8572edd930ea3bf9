"""Changes that teams make to their apps, each with what it must be called: compatible, or breaking and for whom."""

from __future__ import annotations

from collections.abc import Iterator
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


def mutations() -> list[Mutation]:
    """All of them, by unique names."""
    return [*_procedures(), *_parameters(), *_http(), *_sent(), *_got(), *_both(), *_others()]


def _case(name: str, before: str, after: str, place: str, *breaks: str) -> Mutation:
    return Mutation(name, before, after, place, frozenset(breaks))


def _f(
    parameters: str = "", returns: str = "int", rpc: str = "@rpc", *, models: str = "", doc: str = ""
) -> str:
    return f'{models}\n{rpc}\nasync def f({parameters}) -> {returns}:\n    """{doc or "Does it."}"""\n'


def _stream(item: str, *, parameters: str = "") -> str:
    return f"@rpc\nasync def f({parameters}) -> AsyncGenerator[{item}, None]:\n    yield\n"


_ERRORS = """
class Left(BaseModel):
    cents: int
class Spent(RpcError[Left], status=402): ...
class Busy(RpcError, status=503): ...
class Gone(RpcError, status=410): ...
"""


def _procedures() -> Iterator[Mutation]:
    f, g = _f(), "\n@rpc\nasync def g() -> int: ...\n"
    here = "procedures.f"
    yield _case("a procedure is added", f, f + g, "procedures.g")
    yield _case("a procedure is removed", f + g, f, "procedures.g", C)
    yield _case("a procedure is renamed", f, f.replace("f()", "fetch()"), here, C)
    yield _case("a name for the wire is given", f, _f(rpc="@rpc(name='fetch')"), here, C)
    yield _case("a namespace is given", f, "rpc = Router(namespace='team')" + f, here, C)
    yield _case(
        "a function is renamed, its name on the wire is kept",
        f,
        "@rpc.post('/f', name='f')\nasync def other() -> int: ...",
        f"{here}.doc",
    )
    yield _case("a call becomes a stream", f, _stream("int"), f"{here}.kind", R)
    yield _case("a stream becomes a call", _stream("int"), f, f"{here}.kind", R)
    yield _case("the docstring changes", f, _f(doc="Does that."), f"{here}.doc")
    yield _case("it is deprecated", f, _f(rpc="@rpc(deprecated=True)"), f"{here}.deprecated")
    yield _case("a login is needed", f, _f(rpc="@rpc(auth=True)"), f"{here}.auth", C)
    yield _case("a login is not needed any more", _f(rpc="@rpc(auth=True)"), f, f"{here}.auth")
    scoped, more = _f(rpc="@rpc(scopes=['a'])"), _f(rpc="@rpc(scopes=['a', 'b'])")
    yield _case("a scope is needed", scoped, more, f"{here}.scopes", C)
    yield _case("a scope is not needed any more", more, scoped, f"{here}.scopes")
    large, small = _f("a: str", rpc="@rpc(max_bytes=2_000_000)"), _f("a: str", rpc="@rpc(max_bytes=1_000)")
    yield _case("the bound of a call is lowered", large, small, f"{here}.max_bytes", C)
    yield _case("the bound of a call is raised", small, large, f"{here}.max_bytes")
    yield _case("a bound above the usual one is given", _f("a: str"), large, f"{here}.max_bytes")
    yield _case("a bound below the usual one is given", _f("a: str"), small, f"{here}.max_bytes", C)
    yield _case("a bound above the usual one is dropped", large, _f("a: str"), f"{here}.max_bytes", C)
    one, two = (
        _f(rpc="@rpc(raises=[Spent])", models=_ERRORS),
        _f(rpc="@rpc(raises=[Spent, Busy])", models=_ERRORS),
    )
    yield _case("an error is declared", one, two, f"{here}.errors")
    yield _case("an error is not raised any more", two, one, f"{here}.errors")
    swapped = _f(rpc="@rpc(raises=[Spent, Gone])", models=_ERRORS)
    yield _case("an error takes the place of another", two, swapped, f"{here}.errors", E)
    yield _case("an error has another status", one, one.replace("402", "403"), "errors.SPENT.status", E)
    yield _case(
        "an error is explained",
        one,
        one.replace("status=402): ...", "status=402):\n    'No money.'"),
        "errors.SPENT.doc",
    )
    yield _case(
        "an error's data loses a field", one, one.replace("cents: int", "pass"), "types.Left.cents", E
    )
    yield _case(
        "an error's data gets a field",
        one,
        one.replace("cents: int", "cents: int\n    unit: str"),
        "types.Left.unit",
    )
    bare = one.replace("RpcError[Left]", "RpcError")
    yield _case("an error gets data", bare, one, "errors.SPENT.data")
    yield _case("an error loses its data", one, bare, "errors.SPENT.data", E)


def _parameters() -> Iterator[Mutation]:
    one, here = _f("a: int"), "procedures.f.params"
    yield _case("an optional parameter is added behind", one, _f("a: int, b: int = 0"), f"{here}.b")
    yield _case("an optional parameter is added in front", one, _f("b: int = 0, a: int = 0"), here)
    yield _case("a required parameter is added", one, _f("a: int, b: int"), f"{here}.b", C)
    yield _case("a required keyword is added", one, _f("a: int, *, b: int"), f"{here}.b", C)
    yield _case("a parameter is removed", _f("a: int, b: int"), one, f"{here}.b", C)
    yield _case("an optional parameter is removed", _f("a: int, b: int = 0"), one, f"{here}.b", C)
    yield _case("a parameter is renamed", one, _f("amount: int"), f"{here}.a", C)
    yield _case("parameters change places", _f("a: int, b: int"), _f("b: int, a: int"), here)
    yield _case("a parameter goes by name only", _f("a: int, b: int"), _f("a: int, *, b: int"), f"{here}.b")
    yield _case("a keyword gets a position", _f("a: int, *, b: int"), _f("a: int, b: int"), f"{here}.b")
    yield _case("a parameter may be left out", one, _f("a: int = 1"), f"{here}.a")
    yield _case("a parameter is required", _f("a: int = 1"), one, f"{here}.a", C)
    yield _case("a default changes", _f("a: int = 1"), _f("a: int = 2"), f"{here}.a")
    yield _case("a parameter is described", one, _f("a: Annotated[int, Field(description='x')]"), f"{here}.a")
    upload = _f("a: AsyncIterator[int]", rpc="@rpc(transports='websocket')")
    plain = _f("a: list[int]", rpc="@rpc(transports='websocket')")
    yield _case("a list becomes an upload", plain, upload, f"{here}.a", C)
    yield _case("an upload becomes a list", upload, plain, f"{here}.a", C)
    yield _case("the items of an upload are widened", upload, upload.replace("int]", "float]"), f"{here}.a")
    yield _case(
        "the items of an upload are narrowed", upload.replace("int]", "float]"), upload, f"{here}.a", C
    )


def _http() -> Iterator[Mutation]:
    f, here = _f("a: int"), "procedures.f.http"
    yield _case("another verb", f, _f("a: int", rpc="@rpc.put('/f')"), f"{here}.method", H)
    yield _case("another path", f, _f("a: int", rpc="@rpc.post('/g')"), f"{here}.path", H)
    yield _case("a prefix", f, "rpc = Router(prefix='/x')" + f, f"{here}.path", H)
    yield _case(
        "a parameter moves into the path", f, _f("a: int", rpc="@rpc.post('/f/{a}')"), f"{here}.path", H
    )
    get, file = _f("a: str", rpc="@rpc.get('/f/{a}')"), _f("a: str", rpc="@rpc.get('/f/{a:path}')")
    yield _case("a place in the path takes slashes", get, file, f"{here}.path")
    yield _case("a place in the path takes no slashes any more", file, get, f"{here}.path", H)
    renamed = get.replace("{a}", "{b}").replace("a: str", "b: str")
    yield _case("a place in the path is renamed with its parameter", get, renamed, "procedures.f.params.a", C)
    models = "class M(BaseModel):\n    x: int = 0\n"
    single = _f("m: M", models=models)
    yield _case(
        "a second parameter joins a single body",
        single,
        _f("m: M, b: int = 0", models=models),
        f"{here}.body",
        H,
    )
    yield _case("the first parameter is an optional one", _f(), _f("a: int = 0"), "procedures.f.params.a")
    ws, both, http = (_f(rpc=f"@rpc(transports='{t}')") for t in ("websocket", "both", "http"))
    both = _f()
    yield _case("HTTP is dropped", both, ws, "procedures.f.transports", H)
    yield _case("the WebSocket is dropped", both, http, "procedures.f.transports", W)
    yield _case("HTTP is added", ws, both, "procedures.f.transports")
    yield _case("the API has another prefix", f, "FUSE = {'api_prefix': '/v2'}" + f, "api_prefix", H)
    yield _case("the WebSocket has another path", f, "FUSE = {'ws_path': '/ws'}" + f, "ws_path", W, L)
    yield _case("the app has another name", f, "FUSE = {'name': 'shop'}" + f, "app")


_COLOR = "class Color(Enum):\n    red = 'r'\n    blue = 'b'\n"
_GREEN = _COLOR + "    green = 'g'\n"
_PETS = """
class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int
class Dog(BaseModel):
    kind: Literal["dog"]
"""
_BIRD = _PETS + "class Bird(BaseModel):\n    kind: Literal['bird']\n"
_PET = "Annotated[Cat | Dog, Field(discriminator='kind')]"
_THREE = "Annotated[Cat | Dog | Bird, Field(discriminator='kind')]"

_TYPES: list[tuple[str, str, str, str, str]] = [
    # name, before, after, models before, models after: the second is the wider one
    ("int to float", "int", "float", "", ""),
    ("null is allowed", "int", "int | None", "", ""),
    ("one more type", "int", "int | str", "", ""),
    ("a bound is lifted", "Annotated[int, Field(ge=1)]", "int", "", ""),
    ("a bound is lowered", "Annotated[int, Field(ge=1)]", "Annotated[int, Field(ge=0)]", "", ""),
    (
        "an excluded bound is included",
        "Annotated[float, Field(lt=1)]",
        "Annotated[float, Field(le=1)]",
        "",
        "",
    ),
    ("a longer text", "Annotated[str, Field(max_length=3)]", "Annotated[str, Field(max_length=4)]", "", ""),
    ("a shorter text", "Annotated[str, Field(min_length=3)]", "Annotated[str, Field(min_length=2)]", "", ""),
    ("no pattern", "Annotated[str, Field(pattern='^a')]", "str", "", ""),
    (
        "a coarser step",
        "Annotated[int, Field(multiple_of=10)]",
        "Annotated[int, Field(multiple_of=5)]",
        "",
        "",
    ),
    ("a longer list", "Annotated[list[int], Field(max_length=3)]", "list[int]", "", ""),
    ("duplicates", "set[int]", "list[int]", "", ""),
    ("items", "list[int]", "list[float]", "", ""),
    ("an item of a tuple", "tuple[int, str]", "tuple[float, str]", "", ""),
    ("a tuple to a list", "tuple[int, int]", "list[int]", "", ""),
    ("values of a dictionary", "dict[str, int]", "dict[str, int | None]", "", ""),
    ("keys of a dictionary", "dict[int, int]", "dict[str, int]", "", ""),
    ("a UUID to text", "UUID", "str", "", ""),
    ("a date to text", "date", "str", "", ""),
    ("a decimal to text", "Decimal", "str", "", ""),
    ("one more literal", "Literal['a']", "Literal['a', 'b']", "", ""),
    ("literals to text", "Literal['a', 'b']", "str", "", ""),
    ("one more member of an enum", "Color", "Color", _COLOR, _GREEN),
    ("an enum to text", "Color", "str", _COLOR, ""),
    ("one more member of a union", "Cat | Dog", "Cat | Dog | Bird", _BIRD, _BIRD),
    ("one more member of a discriminated union", _PET, _THREE, _BIRD, _BIRD),
    ("anything", "int", "Any", "", ""),
]
_STRANGERS: list[tuple[str, str, str, str]] = [
    # name, before, after, models: neither takes the other
    ("int to text", "int", "str", ""),
    ("text to bytes", "str", "bytes", ""),
    ("text to a moment", "str", "datetime", ""),
    ("a date to a moment", "date", "datetime", ""),
    ("a UUID to a decimal", "UUID", "Decimal", ""),
    ("one to many", "int", "list[int]", ""),
    ("a tuple gets longer", "tuple[int, int]", "tuple[int, int, int]", ""),
    ("another pattern", "Annotated[str, Field(pattern='^a')]", "Annotated[str, Field(pattern='^b')]", ""),
    ("another literal", "Literal['a']", "Literal['b']", ""),
]


def _sent() -> Iterator[Mutation]:
    place = "procedures.f.params.a"
    for name, narrow, wide, fewer, more in _TYPES:
        before, after = _f(f"a: {narrow}", models=fewer), _f(f"a: {wide}", models=more)
        there = "types.Color" if "enum" in name and narrow == wide else place
        yield _case(f"sent, wider: {name}", before, after, there)
        yield _case(f"sent, narrower: {name}", after, before, there, C)
    for name, one, other, models in _STRANGERS:
        yield _case(
            f"sent: {name}", _f(f"a: {one}", models=models), _f(f"a: {other}", models=models), place, C
        )
    yield _case("sent: a tag that may be absent is relied on", *_tagged(), place, C)
    loose, told = _tagged()
    nullable = loose.replace("a: Cat | Dog", "a: Cat | Dog | None")
    yield _case("sent: the same, beside null", nullable, told.replace(_PET, f"{_PET} | None"), place, C)
    yield _case(
        "sent: a model whose tag may be absent joins a union",
        loose.replace("a: Cat | Dog", "a: Cat"),
        told,
        place,
        C,
    )
    union, tagged = _f("a: Cat | Dog", models=_PETS), _f(f"a: {_PET}", models=_PETS)
    yield _case("sent: a tag that is always there is relied on", union, tagged, "")
    yield _case("sent: a tag is not relied on any more", tagged, union, "")
    cat, bird = _f("a: Cat", models=_BIRD), _f("a: Bird", models=_BIRD)
    yield _case("sent: one new model for another", cat, bird, "types.Bird.kind", C)
    others = "\n@rpc\nasync def g(c: Cat, b: Bird) -> int: ..."
    yield _case("sent: one model for another that stays", cat + others, bird + others, place, C)


def _tagged() -> tuple[str, str]:
    models = _PETS.replace('Literal["cat"]', 'Literal["cat"] = "cat"')
    return _f("a: Cat | Dog", models=models), _f(f"a: {_PET}", models=models)


def _got() -> Iterator[Mutation]:
    for name, narrow, wide, fewer, more in _TYPES:
        before, after = _f("", narrow, models=fewer), _f("", wide, models=more)
        there = "types.Color" if "enum" in name and narrow == wide else "procedures.f.result"
        yield _case(f"got, narrower: {name}", after, before, there)
        yield _case(f"got, wider: {name}", before, after, there, R)
    for name, one, other, models in _STRANGERS:
        yield _case(
            f"got: {name}", _f("", one, models=models), _f("", other, models=models), "procedures.f.result", R
        )
    yield _case("an item of a stream is narrowed", _stream("float"), _stream("int"), "procedures.f.result")
    yield _case(
        "an item of a stream is widened", _stream("int"), _stream("int | None"), "procedures.f.result", R
    )


def _model(*fields: str, name: str = "M", base: str = "BaseModel") -> str:
    return f"class {name}({base}):\n" + "".join(f"    {field}\n" for field in fields or ("pass",))


_FIELDS: list[tuple[str, tuple[str, ...], tuple[str, ...], str, tuple[str, ...], tuple[str, ...]]] = [
    # name, fields before, fields after, place, breaks who sends the model, breaks who gets it
    ("an optional field is added", ("x: int",), ("x: int", "y: int = 0"), "y", (), ()),
    ("a required field is added", ("x: int",), ("x: int", "y: int"), "y", (C,), ()),
    ("a required field is removed", ("x: int", "y: int"), ("x: int",), "y", (C,), (R,)),
    ("an optional field is removed", ("x: int", "y: int = 0"), ("x: int",), "y", (C,), (R,)),
    ("a field is renamed", ("x: int",), ("z: int",), "x", (C,), (R,)),
    ("an alias is given", ("x: int",), ("x: int = Field(alias='z')",), "x", (C,), (R,)),
    ("a field gets a default", ("x: int",), ("x: int = 0",), "x", (), ()),
    ("a field loses its default", ("x: int = 0",), ("x: int",), "x", (C,), ()),
    ("a field may be null", ("x: int",), ("x: int | None",), "x", (), (R,)),
    ("a field may not be null any more", ("x: int | None",), ("x: int",), "x", (C,), ()),
    ("fields change places", ("x: int", "y: int"), ("y: int", "x: int"), "", (), ()),
    ("a field is described", ("x: int",), ("x: int = Field(description='d')",), "x", (), ()),
]


def _both() -> Iterator[Mutation]:
    for name, before, after, field, sends, gets in _FIELDS:
        old, new = _model(*before), _model(*after)
        # A model that differs by direction has two names, so the place says which one is looked at.
        yield _case(
            f"sent: {name}",
            _f("a: M", models=old),
            _f("a: M", models=new),
            f"types.M.{field}" if field else "",
            *sends,
        )
        yield _case(
            f"got: {name}",
            _f("", "M", models=old),
            _f("", "M", models=new),
            f"types.M.{field}" if field else "",
            *gets,
        )
    event = _model("x: int")
    yield _case(
        "heard: a field is removed",
        _model("x: int", "y: int").join(("@rpc.event\n", _f())),
        event.join(("@rpc.event\n", _f())),
        "types.M.y",
        L,
    )
    strict = _model("x: int", "model_config = {'extra': 'forbid'}")
    yield _case(
        "sent: other fields are refused", _f("a: M", models=_model("x: int")), _f("a: M", models=strict), ""
    )
    yield _case(
        "got: a field more than a closed model has",
        _f("", "M", models=strict),
        _f("", "M", models=strict + "    y: int\n"),
        "types.M.y",
        R,
    )
    free = _model("x: int", "model_config = {'extra': 'allow'}")
    yield _case(
        "sent: other fields are not read any more",
        _f("a: M", models=free),
        _f("a: M", models=_model("x: int")),
        "types.M.*",
        C,
    )
    yield _case(
        "sent: a key that was free has a type",
        _f("a: M", models=free),
        _f("a: M", models=free + "    y: int = 0\n"),
        "types.M.y",
        C,
    )
    use = "a: M", "M"
    yield _case(
        "both: a model is renamed",
        _f(*use, models=event),
        _f("a: N", "N", models=_model("x: int", name="N")),
        "types.M",
    )
    yield _case(
        "both: a field is widened",
        _f(*use, models=event),
        _f(*use, models=_model("x: float")),
        "types.M.x",
        R,
    )
    yield _case(
        "both: a field is narrowed",
        _f(*use, models=_model("x: float")),
        _f(*use, models=event),
        "types.M.x",
        C,
    )
    yield _case(
        "both: a field is replaced",
        _f(*use, models=event),
        _f(*use, models=_model("x: str")),
        "types.M.x",
        C,
        R,
    )
    split = _f(*use, models=_model("x: int = 0"))
    yield _case(
        "both: a default parts what is sent from what is got", _f(*use, models=event), split, "types.MInput.x"
    )
    tree = _model("name: str", "kids: list['M'] = []")
    yield _case(
        "both: a recursive model gets a field",
        _f("a: M", "int", models=tree),
        _f("a: M", "int", models=tree + "    age: int = 0\n"),
        "types.M.age",
    )
    yield _case(
        "sent: a recursive model is narrowed",
        _f("a: M", models=tree),
        _f("a: M", models=tree.replace("str", "Literal['a']")),
        "types.M.name",
        C,
    )
    yield _case(
        "got: a recursive model is widened",
        _f("", "M", models=tree),
        _f("", "M", models=tree.replace("str", "str | None")),
        "types.M.name",
        R,
    )
    partial = _model("x: int", "y: NotRequired[int]", base="TypedDict")
    yield _case(
        "got: a key that could be absent is removed",
        _f("", "M", models=partial),
        _f("", "M", models=_model("x: int", base="TypedDict")),
        "types.M.y",
    )
    deep = _model("ms: list[M]", name="N")
    yield _case(
        "got: deep inside",
        _f("", "dict[str, N]", models=event + deep),
        _f("", "dict[str, N]", models=_model("x: str") + deep),
        "types.M.x",
        R,
    )
    cats = _PETS.replace("lives: int", "lives: int\n    name: str")
    yield _case(
        "sent: a member of a union needs a field",
        _f("a: Cat | Dog", models=_PETS),
        _f("a: Cat | Dog", models=cats),
        "types.Cat.name",
        C,
    )
    yield _case(
        "got: a member of a union gets a field",
        _f("", _PET, models=_PETS),
        _f("", _PET, models=cats),
        "types.Cat.name",
    )
    yield _case(
        "got: a member of a union loses a field",
        _f("", _PET, models=cats),
        _f("", _PET, models=_PETS),
        "types.Cat.name",
        R,
    )
    yield _case(
        "members of an enum have other names",
        _f("a: Color", models=_COLOR),
        _f("a: Color", models=_COLOR.replace("red", "rot")),
        "types.Color",
    )


def _others() -> Iterator[Mutation]:
    event, quiet = "@rpc.event\n" + _model("x: int"), "@rpc.event(history=False)\n" + _model("x: int")
    f = _f()
    yield _case("an event is added", f, f + event, "events.M")
    yield _case("an event is removed", f + event, f, "events.M", L)
    yield _case("an event is not kept any more", f + event, f + quiet, "events.M.history", L)
    yield _case("an event is kept", f + quiet, f + event, "events.M.history")
    wide = event.replace("int", "int | None")
    yield _case("heard: a field may be null", f + event, f + wide, "types.M.x", L)
    yield _case("heard: a field may not be null any more", f + wide, f + event, "types.M.x")
    both = _f("", "M", models=event)
    yield _case(
        "heard and got: a field is removed",
        both,
        _f("", "M", models="@rpc.event\n" + _model()),
        "types.M.x",
        L,
        R,
    )
