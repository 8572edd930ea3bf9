"""Names depend on what the types are, and on nothing else."""

from __future__ import annotations

import random
from typing import Any, Generic, TypeVar

import pytest
from fastapi import FastAPI
from fusewire import Fuse
from pydantic import BaseModel, create_model

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]


def model(name: str, module: str = "app.models", qualname: str = "", /, **fields: Any) -> type[BaseModel]:
    """A class as if it stood in `module`."""
    declared: dict[str, Any] = fields or {"x": (int, ...)}
    made: type[BaseModel] = create_model(name, __module__=module, **declared)
    made.__qualname__ = qualname or name
    # Pydantic notes where a class is when it makes it.
    made.model_rebuild(force=True)
    return made


def names(*types: Any, results: tuple[Any, ...] = ()) -> set[str]:
    fuse = Fuse(FastAPI())
    for place, annotation in enumerate((*types, *results)):

        async def f(value: Any) -> Any: ...

        f.__name__ = f"f{place}"
        takes = place < len(types)
        f.__annotations__ = {
            "value": annotation if takes else int,
            "return": None if takes else annotation,
        }
        fuse.rpc(f)
    return set(fuse.contract()["types"])


def test_a_class_keeps_its_name() -> None:
    assert names(model("User"), model("snake_case"), model("My__Odd_")) == {"User", "snake_case", "My__Odd_"}


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (("app.models", "app.admin"), {"ModelsUser", "AdminUser"}),
        (("a.models", "b.models"), {"AModelsUser", "BModelsUser"}),
        (("a.models", "b.models", "c.admin"), {"AModelsUser", "BModelsUser", "AdminUser"}),
        (("models", "app.models"), {"ModelsUser", "AppModelsUser"}),
        (("user_models", "user.models"), {"UserModelsUser", "ModelsUser"}),
        (("_private.models", "public.models"), {"PrivateModelsUser", "PublicModelsUser"}),
    ],
)
def test_two_of_one_name_have_the_fewest_parts_of_their_modules(
    modules: tuple[str, ...], expected: set[str]
) -> None:
    types = [model("User", module, **{f"in_{place}": (int, ...)}) for place, module in enumerate(modules)]
    assert names(*types) == expected


def test_what_is_qualified_does_not_take_the_name_of_another_class() -> None:
    types = [model("User", "shop.admin"), model("User", "shop.models"), model("AdminUser")]
    assert names(*types) == {"AdminUser", "ShopAdminUser", "ModelsUser"}


def test_classes_inside_others_and_in_functions() -> None:
    outer, local = (
        model("In", "app.models", "Outer.In"),
        model("In", "app.models", "make.<locals>.In", y=(int, ...)),
    )
    assert names(outer, local) == {"OuterIn", "MakeIn"}


def test_one_class_in_two_directions() -> None:
    same, other = model("Same"), model("Differs", x=(int, 1))
    holder = model("Holder", inner=(other, ...))
    assert names(same, holder, results=(same, holder)) == {
        "Same",
        "DiffersInput",
        "DiffersOutput",
        "HolderInput",
        "HolderOutput",
    }
    assert names(holder) == {"Holder", "Differs"}
    assert names(results=(holder,)) == {"Holder", "Differs"}


def test_a_variant_does_not_take_the_name_of_a_class() -> None:
    differs, called = model("Item", x=(int, 1)), model("ItemInput")
    assert names(differs, called, results=(differs,)) == {"ItemInput", "Item_Input", "ItemOutput"}


def test_generics_are_named_after_their_arguments() -> None:
    shop, office = model("Account", "shop", a=(int, ...)), model("Account", "office", b=(int, ...))
    assert names(Page[int], Page[list[str]], Page[Page[int]]) == {"PageInt", "PageListStr", "PagePageInt"}
    assert names(Page[shop], Page[office]) == {  # type: ignore[valid-type]  # made at run time
        "ShopAccount",
        "OfficeAccount",
        "PageShopAccount",
        "PageOfficeAccount",
    }


def test_equal_classes_of_one_place_are_one_type_and_others_are_numbered_by_what_they_say() -> None:
    one, again, other = model("Made"), model("Made"), model("Made", y=(str, ...))
    assert names(one, again) == {"Made"}
    contracts = []
    for types in ([one, other], [other, one]):
        fuse = Fuse(FastAPI())
        for place, made in enumerate(sorted(types, key=lambda made: "y" in made.model_fields)):

            async def f(value: Any) -> None: ...

            f.__name__ = f"f{place}"
            f.__annotations__ = {"value": made, "return": None}
            fuse.rpc(f)
        contracts.append(fuse.contract())
    assert contracts[0] == contracts[1]
    assert set(contracts[0]["types"]) == {"Made", "Made2"}


def test_recursive_types_are_one_type_unless_the_directions_differ() -> None:
    class Tree(BaseModel):
        children: list[Tree]

    class Chain(BaseModel):
        next: Chain | None = None

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    Chain.model_rebuild(_types_namespace={"Chain": Chain})
    assert names(Tree, Chain, results=(Tree, Chain)) == {"Tree", "ChainInput", "ChainOutput"}


def test_the_order_of_registration_does_not_matter() -> None:
    types: list[Any] = [
        *(model("User", module, **{f"in_{module}": (int, 1)}) for module in ("a", "b", "c.b")),
        *(model("Made", y=(kind, ...)) for kind in (int, str, bool)),
        model("UserInput"),
        Page[int],
    ]
    found = []
    for seed in range(20):
        order = random.Random(seed).sample(range(len(types)), len(types))
        fuse = Fuse(FastAPI())
        for place in order:

            async def f(value: Any) -> Any: ...

            f.__name__ = f"f{place}"
            f.__annotations__ = {"value": types[place], "return": types[place]}
            fuse.rpc(f)
        found.append(fuse.contract())
    assert all(contract == found[0] for contract in found)


def test_text_that_looks_like_a_reference_is_left_alone() -> None:
    text = "#/types/Inner"
    fuse = Fuse(FastAPI())
    holder = model("Holder", inner=(model("Inner"), ...), text=(str, text))

    async def f(value: Any) -> None: ...

    f.__annotations__ = {"value": holder, "return": None}
    fuse.rpc(f)
    assert fuse.contract()["types"]["Holder"]["properties"]["text"]["default"] == text
