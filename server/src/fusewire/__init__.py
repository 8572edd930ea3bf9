"""Fusewire: write a typed Python function, call it from TypeScript, and get the same function as documented REST."""

from fusewire.app import Fuse
from fusewire.bounds import Bounds
from fusewire.errors import RegistrationError, RpcError
from fusewire.hub import emit
from fusewire.identity import Credentials, Identity
from fusewire.procedures.call import Call, active_user, is_http, is_rpc
from fusewire.router import Router

__all__ = [
    "Bounds",
    "Call",
    "Credentials",
    "Fuse",
    "Identity",
    "RegistrationError",
    "Router",
    "RpcError",
    "active_user",
    "emit",
    "is_http",
    "is_rpc",
]
