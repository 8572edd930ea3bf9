"""The standard errors are the same in Python, in the client's types and on the page that explains them."""

from __future__ import annotations

import re
from pathlib import Path

from fusewire import errors

ROOT = Path(__file__).parents[2]
OF_THE_CLIENT = {"CONNECTION_LOST", "EVENTS_OVERFLOW", "CLIENT_ERROR"}


def codes_of_python() -> set[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    declared = {
        kind.code
        for kind in kinds
        if issubclass(kind, errors.RpcError) and kind not in (errors.RpcError, errors.HttpError)
    }
    return declared | set(errors.CODE_BY_STATUS.values())


def test_the_clients_types_know_each() -> None:
    text = (ROOT / "client-ts" / "src" / "failures.ts").read_text()
    interface = text.partition("export interface StandardErrors {")[2].partition("\n}")[0]
    codes = set(re.findall(r"^  ([A-Z_]+): ", interface, re.MULTILINE))
    assert codes == codes_of_python() | OF_THE_CLIENT


def test_the_page_explains_each() -> None:
    table = (ROOT / "docs" / "errors.md").read_text().partition("## Standard errors")[2]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    codes = {code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)}
    assert codes == codes_of_python() | OF_THE_CLIENT


def test_what_promises_more_than_a_status_is_the_frameworks_own() -> None:
    of_a_status = set(errors.CODE_BY_STATUS.values())
    assert (codes_of_python() | OF_THE_CLIENT) - of_a_status <= errors.PROMISED
