"""One declared type, compiled: what comes in is validated by it, what goes out is filtered and encoded by it."""

from fusewire.procedures.values.input import InputType
from fusewire.procedures.values.kinds import BigInt, NaiveDatetime, NaiveDatetimes, NoFormError
from fusewire.procedures.values.output import OutputType, packable

__all__ = ["BigInt", "InputType", "NaiveDatetime", "NaiveDatetimes", "NoFormError", "OutputType", "packable"]
