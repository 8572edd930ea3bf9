"""One of two packages with classes of the same names."""

from pydantic import BaseModel


class Account(BaseModel):
    balance: int


class Member(BaseModel):
    account: Account
    points: int = 0


class Kind(BaseModel):
    same: str
