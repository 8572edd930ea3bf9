"""The golden contract exercises everything; its TypeScript is committed, compared byte for byte, and compiled."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import pytest
from fusewire_codegen.contract import Contract, parse, serialise, validate
from fusewire_codegen.typescript import render

from codegen.tests import compiler
from codegen.tests.contracts import shuffled

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
SOURCE = "golden.main:app"


@pytest.fixture(name="contract")
def fixture_contract() -> Contract:
    return parse((GOLDEN / "fuse.contract.json").read_text())


def test_text_is_the_committed_one(contract: Contract) -> None:
    assert render(contract, SOURCE) == (GOLDEN / "fuse.ts").read_text()


def test_contract_file_is_the_committed_one(contract: Contract) -> None:
    assert serialise(contract) == (GOLDEN / "fuse.contract.json").read_text()


@pytest.mark.parametrize("seed", range(5))
def test_order_of_keys_does_not_matter(contract: Contract, seed: int) -> None:
    other = validate(shuffled(contract, random.Random(seed)))
    assert json.dumps(other) != json.dumps(contract)
    assert render(other, SOURCE) == render(contract, SOURCE)
    assert serialise(other) == serialise(contract)


def test_compiles_strictly_and_types_are_exact(tmp_path: Path) -> None:
    assert compiler.check(tmp_path, GOLDEN / "fuse.ts", GOLDEN / "usage.ts") == []


def test_compiler_check_can_fail(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ts"
    broken.write_text((GOLDEN / "fuse.ts").read_text().replace("left: Decimal;", "left: Decimall;"))
    complaints = compiler.check(tmp_path, broken)
    assert any("Decimall" in line for line in complaints), complaints


def test_without_events_errors_and_procedures_it_compiles_too(contract: Contract, tmp_path: Path) -> None:
    bare = copy.deepcopy(contract)
    bare["procedures"], bare["events"], bare["errors"], bare["types"] = {}, {}, {}, {}
    text = render(bare, SOURCE)
    source = tmp_path / "fuse.ts"
    # The standard errors are there without any of the app's own.
    source.write_text(
        f'{text}\nexport const spent = (error: unknown) => isError(error, "RATE_LIMITED") && error.data.retry_after;\n'
    )
    assert compiler.check(tmp_path, source) == []


def test_what_becomes_an_error_leaves_the_javascript_alone(contract: Contract, tmp_path: Path) -> None:
    changed = copy.deepcopy(contract)
    changed["errors"]["NEW"] = {"status": 400}
    changed["procedures"]["chat"]["errors"] = ["NEW"]
    changed["procedures"]["start_job"]["errors"] = []
    before = compiler.emit(tmp_path / "before", render(contract, SOURCE))
    assert compiler.emit(tmp_path / "after", render(changed, SOURCE)) == before


def test_a_change_of_types_alone_leaves_the_javascript_alone(contract: Contract, tmp_path: Path) -> None:
    changed = _with_other_types(contract)
    assert render(changed, SOURCE) != render(contract, SOURCE)
    before = compiler.emit(tmp_path / "before", render(contract, SOURCE))
    assert compiler.emit(tmp_path / "after", render(changed, SOURCE)) == before


def test_a_change_of_a_call_shape_changes_the_javascript(contract: Contract, tmp_path: Path) -> None:
    changed = copy.deepcopy(contract)
    changed["procedures"]["chat"]["params"][0]["name"] = "text"
    before = compiler.emit(tmp_path / "before", render(contract, SOURCE))
    assert compiler.emit(tmp_path / "after", render(changed, SOURCE)) != before


def test_what_becomes_an_upload_changes_the_javascript(contract: Contract, tmp_path: Path) -> None:
    changed = copy.deepcopy(contract)
    del changed["procedures"]["collect"]["params"][1]["upload"]
    before = compiler.emit(tmp_path / "before", render(contract, SOURCE))
    assert compiler.emit(tmp_path / "after", render(changed, SOURCE)) != before


def _with_other_types(contract: Contract) -> Contract:
    changed = copy.deepcopy(contract)
    changed["hash"] = "f" * 16
    job = changed["types"]["JobStarted"]
    assert isinstance(job, dict)
    job["properties"]["begun_at"] = {"type": "string", "x-fuse": "datetime"}
    job["description"] = "Another text."
    changed["types"]["Another"] = {"type": "array", "items": {"type": "string", "x-fuse": "timedelta"}}
    changed["events"]["Another"] = {"schema": {"$ref": "#/types/Another"}, "history": False}
    changed["errors"]["GONE_AWAY"]["data"] = {"type": "string"}
    changed["procedures"]["chat"]["doc"] = "Another docstring."
    changed["procedures"]["chat"]["result"] = {"type": "integer"}
    changed["procedures"]["start_job"]["errors"] = []
    changed["procedures"]["collect"]["params"][1]["schema"] = {"$ref": "#/types/Animal"}
    changed["procedures"]["collect"]["max_bytes"] = 1
    return changed
