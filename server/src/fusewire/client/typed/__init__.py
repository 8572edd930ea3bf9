"""What generated clients import, and with it what their users need: models, streams, options and errors."""

from fusewire.client.errors import ConnectionLost
from fusewire.client.listeners import EventStream
from fusewire.client.status import Status
from fusewire.client.typed.client import BaseClient, Namespace
from fusewire.client.typed.core import Caller, open_client
from fusewire.client.typed.models import Event, Model
from fusewire.client.typed.options import Auth, ConnectOptions, Credentials
from fusewire.client.typed.procedures import App, Call, NamedEvent, Procedure, StreamCall, default
from fusewire.client.typed.resumable import ResumableMethod, resumable
from fusewire.client.typed.stream import ResumableStream, Stream
from fusewire.client.typed.uploads import File, Source
from fusewire.errors import RpcError

__all__ = [
    "App",
    "Auth",
    "BaseClient",
    "Call",
    "Caller",
    "ConnectOptions",
    "ConnectionLost",
    "Credentials",
    "Event",
    "EventStream",
    "File",
    "Model",
    "NamedEvent",
    "Namespace",
    "Procedure",
    "ResumableMethod",
    "ResumableStream",
    "RpcError",
    "Source",
    "Status",
    "Stream",
    "StreamCall",
    "default",
    "open_client",
    "resumable",
]
