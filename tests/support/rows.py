"""What a procedure has may be more than what it may tell."""

from pydantic import BaseModel


class Public(BaseModel):
    name: str


class Row(Public):
    password_hash: str = "secret"
