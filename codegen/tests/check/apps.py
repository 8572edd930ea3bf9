"""Small apps, as text, and the contracts that they promise."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from fusewire import Fuse
from fusewire_codegen.contract import Contract, validate

_PRELUDE = """
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, Optional
from uuid import UUID
from fastapi import File, Form, Path, Query, UploadFile
from pydantic import BaseModel, EmailStr, Field
from typing_extensions import TypedDict
from fusewire import Router, RpcError
"""


@cache
def contract_of(source: str) -> Contract:
    """The contract of an app whose code is `source`: it uses `rpc`, and may set `FUSE`, the keywords of its `Fuse`."""
    module = ModuleType("app_of_a_test")
    rpc_of: dict[str, Any] = vars(module)
    # Pydantic looks names of models up in their module.
    sys.modules[module.__name__] = module
    try:
        exec(_PRELUDE + "rpc = Router()\n" + source, rpc_of)
        fuse = Fuse(FastAPI(), docs=False, **rpc_of.get("FUSE", {}))
        fuse.include_router(rpc_of["rpc"])
        return validate(fuse.contract())
    finally:
        del sys.modules[module.__name__]
