"""What no client could give or read. It is refused when the procedure is registered, and the error says where."""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Literal

from pydantic import AliasPath, BaseModel, Field

from tests.corpus.entry import Refused


class Opaque:
    """A class that pydantic knows nothing of."""


class Odd(Enum):
    PAIR = (1, 2)


class Point(BaseModel):
    x: int


class Picked(BaseModel):
    first: int = Field(validation_alias=AliasPath("all", 0))


a_path_into_the_input = Refused(Picked, "AliasPath", instead="a field for the whole value")
a_function = Refused(Callable[[int], str], "JsonSchema", instead="a name, or a procedure of its own")
a_class = Refused(type[int], "a class", instead="a `Literal` or an `Enum` of names")
a_class_of_ones_own = Refused(
    Opaque, "arbitrary_types_allowed", instead="a model, a dataclass, or `__get_pydantic_core_schema__`"
)
an_abstract_collection = Refused(
    Collection[int], "arbitrary_types_allowed", instead="`list[int]` or `Sequence[int]`"
)
keys_of_bytes = Refused(dict[bytes, int], "bytes cannot be a key", instead="`dict[str, int]`")
keys_of_tuples = Refused(dict[tuple[int, int], str], "a tuple cannot be a key", instead="a list of pairs")
literal_bytes = Refused(Literal[b"x"], "has no form in JSON", instead="a literal of text")
members_that_are_tuples = Refused(Odd, "neither text nor number", instead="members that are text or numbers")
unknown_name = Refused("Unknown", "cannot be resolved", instead="an import outside `TYPE_CHECKING`")
