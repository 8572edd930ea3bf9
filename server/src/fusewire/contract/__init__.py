"""What Python promises, as plain data. docs/contract.md describes the format."""

from fusewire.contract.build import build_contract, calls_hash, prepare_schemas

__all__ = ["build_contract", "calls_hash", "prepare_schemas"]
