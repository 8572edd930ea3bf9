"""Importing for the contract alone: the same contract and the same complaints, without routes."""

from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI, Header, Query
from fusewire import Fuse, RegistrationError, Router, RpcError
from fusewire.loading import contract_only, is_contract_only, once
from pydantic import BaseModel


class Color(Enum):
    RED = "red"


class Thing(BaseModel):
    id: UUID
    color: Color
    parent: "Thing | None" = None


class Gone(RpcError[Thing], status=410): ...


async def agent(user_agent: Annotated[str, Header()] = "") -> str:
    return user_agent


async def create(thing: Thing, *, dry_run: bool = False) -> Thing:
    """Creates."""
    return thing


async def read(key: UUID, color: Color = Color.RED) -> Thing:
    return Thing(id=key, color=color)


async def find(names: Annotated[list[str], Query()], agent: Annotated[str, Depends(agent)]) -> list[Thing]:
    return []


async def by_thing(weights: dict[str, int], page: int) -> None: ...


def make_app() -> Fuse:
    rpc = Router(prefix="/things", namespace="things")
    rpc(create)
    rpc.get("/{key}")(read)
    rpc.get(raises=[Gone])(find)
    fuse = Fuse(FastAPI())
    fuse.include_router(rpc)
    return fuse


def paths(fuse: Fuse) -> set[Any]:
    return {getattr(route, "path", None) for route in fuse.app.routes}


def test_the_contract_is_the_same_and_routes_that_cannot_be_refused_are_not_built() -> None:
    serving = make_app()
    with contract_only():
        loaded = make_app()
        assert loaded.contract() == serving.contract()
    assert paths(serving) - paths(loaded) == {"/api/things/create", "/api/things/{key}"}
    assert "/api/things/find" in paths(loaded)
    assert paths(make_app()) == paths(serving)


def refusal() -> str:
    with pytest.raises(RegistrationError) as caught:
        Fuse(FastAPI()).rpc.get(by_thing)
    return str(caught.value)


def test_what_fastapi_refuses_is_refused() -> None:
    serving = refusal()
    assert "no REST form" in serving
    with contract_only():
        assert refusal() == serving


def test_what_was_worked_out_is_kept_until_the_end() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(0)
        return len(made)

    assert (once("a", make), once("a", make)) == (1, 2)
    with contract_only():
        assert (once("a", make), once("a", make), once("b", make)) == (3, 3, 4)
        with contract_only():
            assert once("a", make) == 3
        assert once(["no hash"], make) == 5  # type: ignore[arg-type]  # that is the point
        assert is_contract_only()
    assert not is_contract_only()
    assert once("a", make) == 6
