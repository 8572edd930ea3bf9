"""What cannot travel is refused where it is registered."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fusewire import Fuse, RegistrationError

from tests.corpus.collection import REFUSED
from tests.corpus.entry import Refused


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_refused(refused: Refused) -> None:
    async def takes(value: Any) -> None: ...

    takes.__annotations__["value"] = refused.annotation
    with pytest.raises(RegistrationError, match=refused.says) as raised:
        Fuse(FastAPI()).rpc(takes)
    assert "takes" in str(raised.value)
    assert "test_refused.py" in str(raised.value)
