"""The pipeline: one way from a caller's values to an answer, for every transport."""

from fusewire.calls.failure import failure_of, shown_data
from fusewire.calls.identify import credentials_of, identify
from fusewire.calls.pipeline import Pipeline, Reply

__all__ = ["Pipeline", "Reply", "credentials_of", "failure_of", "identify", "shown_data"]
