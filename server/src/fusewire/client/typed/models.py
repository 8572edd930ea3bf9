"""The base of generated models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Fields are given by their names here, and travel by those on the wire. What is not set is not sent: the server's default holds."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, protected_namespaces=())

    def __fuse_fields__(self) -> dict[str, Any]:
        """What is sent: what was set, and defaults that were changed in place."""
        sent: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name in self.model_fields_set or value != field.get_default(call_default_factory=True):
                alias = field.validation_alias
                sent[alias if isinstance(alias, str) else name] = value
        return sent | (self.model_extra or {})


class Event(Model):
    """A model that the server may push."""
