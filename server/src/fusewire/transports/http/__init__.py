"""The REST mirror: every procedure as a FastAPI route, run by the same pipeline."""

from fusewire.transports.http.described_bytes import describe_bytes
from fusewire.transports.http.docs import add_docs, describe_streams
from fusewire.transports.http.mirror import has_sure_route, mirror
from fusewire.transports.http.problem import failures_of, use_one_error_shape

__all__ = [
    "add_docs",
    "describe_bytes",
    "describe_streams",
    "failures_of",
    "has_sure_route",
    "mirror",
    "use_one_error_shape",
]
