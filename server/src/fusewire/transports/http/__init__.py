"""The REST mirror: every procedure as a FastAPI route, run by the same pipeline."""

from fusewire.transports.http.docs import add_docs
from fusewire.transports.http.mirror import mirror
from fusewire.transports.http.problem import failures_of, use_one_error_shape

__all__ = ["add_docs", "failures_of", "mirror", "use_one_error_shape"]
