"""Changes of types, in what is sent, in what is got, and in both."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.tests.check.cases import C, L, Mutation, R, app, case, model, stream


def of_types() -> Iterator[Mutation]:
    """All of them."""
    yield from _sent()
    yield from _got()
    yield from _both()


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
        before, after = app(f"a: {narrow}", models=fewer), app(f"a: {wide}", models=more)
        there = "types.Color" if "enum" in name and narrow == wide else place
        yield case(f"sent, wider: {name}", before, after, there)
        yield case(f"sent, narrower: {name}", after, before, there, C)
    for name, one, other, models in _STRANGERS:
        yield case(
            f"sent: {name}", app(f"a: {one}", models=models), app(f"a: {other}", models=models), place, C
        )
    yield case("sent: a tag that may be absent is relied on", *_tagged(), place, C)
    loose, told = _tagged()
    nullable = loose.replace("a: Cat | Dog", "a: Cat | Dog | None")
    yield case("sent: the same, beside null", nullable, told.replace(_PET, f"{_PET} | None"), place, C)
    yield case(
        "sent: a model whose tag may be absent joins a union",
        loose.replace("a: Cat | Dog", "a: Cat"),
        told,
        place,
        C,
    )
    union, tagged = app("a: Cat | Dog", models=_PETS), app(f"a: {_PET}", models=_PETS)
    yield case("sent: a tag that is always there is relied on", union, tagged, "")
    yield case("sent: a tag is not relied on any more", tagged, union, "")
    cat, bird = app("a: Cat", models=_BIRD), app("a: Bird", models=_BIRD)
    yield case("sent: one new model for another", cat, bird, "types.Bird.kind", C)
    others = "\n@rpc\nasync def g(c: Cat, b: Bird) -> int: ..."
    yield case("sent: one model for another that stays", cat + others, bird + others, place, C)


def _tagged() -> tuple[str, str]:
    models = _PETS.replace('Literal["cat"]', 'Literal["cat"] = "cat"')
    return app("a: Cat | Dog", models=models), app(f"a: {_PET}", models=models)


def _got() -> Iterator[Mutation]:
    for name, narrow, wide, fewer, more in _TYPES:
        before, after = app("", narrow, models=fewer), app("", wide, models=more)
        there = "types.Color" if "enum" in name and narrow == wide else "procedures.f.result"
        yield case(f"got, narrower: {name}", after, before, there)
        yield case(f"got, wider: {name}", before, after, there, R)
    for name, one, other, models in _STRANGERS:
        yield case(
            f"got: {name}",
            app("", one, models=models),
            app("", other, models=models),
            "procedures.f.result",
            R,
        )
    yield case("an item of a stream is narrowed", stream("float"), stream("int"), "procedures.f.result")
    yield case(
        "an item of a stream is widened", stream("int"), stream("int | None"), "procedures.f.result", R
    )


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
        old, new = model(*before), model(*after)
        # A model that differs by direction has two names, so the place says which one is looked at.
        yield case(
            f"sent: {name}",
            app("a: M", models=old),
            app("a: M", models=new),
            f"types.M.{field}" if field else "",
            *sends,
        )
        yield case(
            f"got: {name}",
            app("", "M", models=old),
            app("", "M", models=new),
            f"types.M.{field}" if field else "",
            *gets,
        )
    event = model("x: int")
    yield case(
        "heard: a field is removed",
        model("x: int", "y: int").join(("@rpc.event\n", app())),
        event.join(("@rpc.event\n", app())),
        "types.M.y",
        L,
    )
    strict = model("x: int", "model_config = {'extra': 'forbid'}")
    yield case(
        "sent: other fields are refused", app("a: M", models=model("x: int")), app("a: M", models=strict), ""
    )
    yield case(
        "got: a field more than a closed model has",
        app("", "M", models=strict),
        app("", "M", models=strict + "    y: int\n"),
        "types.M.y",
        R,
    )
    free = model("x: int", "model_config = {'extra': 'allow'}")
    yield case(
        "sent: other fields are not read any more",
        app("a: M", models=free),
        app("a: M", models=model("x: int")),
        "types.M.*",
        C,
    )
    yield case(
        "sent: a key that was free has a type",
        app("a: M", models=free),
        app("a: M", models=free + "    y: int = 0\n"),
        "types.M.y",
        C,
    )
    use = "a: M", "M"
    yield case(
        "both: a model is renamed",
        app(*use, models=event),
        app("a: N", "N", models=model("x: int", name="N")),
        "types.M",
    )
    yield case(
        "both: a field is widened",
        app(*use, models=event),
        app(*use, models=model("x: float")),
        "types.M.x",
        R,
    )
    yield case(
        "both: a field is narrowed",
        app(*use, models=model("x: float")),
        app(*use, models=event),
        "types.M.x",
        C,
    )
    yield case(
        "both: a field is replaced",
        app(*use, models=event),
        app(*use, models=model("x: str")),
        "types.M.x",
        C,
        R,
    )
    split = app(*use, models=model("x: int = 0"))
    yield case(
        "both: a default parts what is sent from what is got",
        app(*use, models=event),
        split,
        "types.MInput.x",
    )
    tree = model("name: str", "kids: list['M'] = []")
    yield case(
        "both: a recursive model gets a field",
        app("a: M", "int", models=tree),
        app("a: M", "int", models=tree + "    age: int = 0\n"),
        "types.M.age",
    )
    yield case(
        "sent: a recursive model is narrowed",
        app("a: M", models=tree),
        app("a: M", models=tree.replace("str", "Literal['a']")),
        "types.M.name",
        C,
    )
    yield case(
        "got: a recursive model is widened",
        app("", "M", models=tree),
        app("", "M", models=tree.replace("str", "str | None")),
        "types.M.name",
        R,
    )
    partial = model("x: int", "y: NotRequired[int]", base="TypedDict")
    yield case(
        "got: a key that could be absent is removed",
        app("", "M", models=partial),
        app("", "M", models=model("x: int", base="TypedDict")),
        "types.M.y",
    )
    deep = model("ms: list[M]", name="N")
    yield case(
        "got: deep inside",
        app("", "dict[str, N]", models=event + deep),
        app("", "dict[str, N]", models=model("x: str") + deep),
        "types.M.x",
        R,
    )
    cats = _PETS.replace("lives: int", "lives: int\n    name: str")
    yield case(
        "sent: a member of a union needs a field",
        app("a: Cat | Dog", models=_PETS),
        app("a: Cat | Dog", models=cats),
        "types.Cat.name",
        C,
    )
    yield case(
        "got: a member of a union gets a field",
        app("", _PET, models=_PETS),
        app("", _PET, models=cats),
        "types.Cat.name",
    )
    yield case(
        "got: a member of a union loses a field",
        app("", _PET, models=cats),
        app("", _PET, models=_PETS),
        "types.Cat.name",
        R,
    )
    yield case(
        "members of an enum have other names",
        app("a: Color", models=_COLOR),
        app("a: Color", models=_COLOR.replace("red", "rot")),
        "types.Color",
    )
