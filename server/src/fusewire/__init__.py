"""Fusewire: write a typed Python function, call it from TypeScript, and get the same function as documented REST."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusewire.app import Fuse
    from fusewire.bounds import Bounds
    from fusewire.broker import BrokerError
    from fusewire.emitter import Emitter
    from fusewire.errors import RegistrationError, RpcError
    from fusewire.hub import History, Joined, Left, Present, emit
    from fusewire.identity import Credentials, Identity
    from fusewire.procedures.call import Call, active_user, is_http, is_rpc
    from fusewire.procedures.values import BigInt, NaiveDatetime
    from fusewire.router import Router

__all__ = [
    "BigInt",
    "Bounds",
    "BrokerError",
    "Call",
    "Credentials",
    "Emitter",
    "Fuse",
    "History",
    "Identity",
    "Joined",
    "Left",
    "NaiveDatetime",
    "Present",
    "RegistrationError",
    "Router",
    "RpcError",
    "active_user",
    "emit",
    "is_http",
    "is_rpc",
]

_HOMES = {
    "BigInt": "procedures.values",
    "Bounds": "bounds",
    "BrokerError": "broker",
    "Call": "procedures.call",
    "Credentials": "identity",
    "Emitter": "emitter",
    "Fuse": "app",
    "History": "hub",
    "Identity": "identity",
    "Joined": "hub",
    "Left": "hub",
    "NaiveDatetime": "procedures.values",
    "Present": "hub",
    "RegistrationError": "errors",
    "Router": "router",
    "RpcError": "errors",
    "active_user": "procedures.call",
    "emit": "hub",
    "is_http": "procedures.call",
    "is_rpc": "procedures.call",
}


def __getattr__(name: str) -> Any:
    # A program that only calls imports `fusewire.client`, and should not pay for the server.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"fusewire.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
