"""The pipeline: one way from a caller's values to an answer, for every transport."""

from fusewire.calls.deduplication import Deduplication
from fusewire.calls.failure import Failures, failure_of, json_data, packed_data, packed_detail
from fusewire.calls.identify import credentials_of, identify
from fusewire.calls.pipeline import Middleware, Pipeline, Reply, authorise
from fusewire.calls.running import Running

__all__ = [
    "Deduplication",
    "Failures",
    "Middleware",
    "Pipeline",
    "Reply",
    "Running",
    "authorise",
    "credentials_of",
    "failure_of",
    "identify",
    "json_data",
    "packed_data",
    "packed_detail",
]
