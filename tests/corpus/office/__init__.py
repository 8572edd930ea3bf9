"""The other one."""

from pydantic import BaseModel


class Account(BaseModel):
    login: str


class Member(BaseModel):
    account: Account
    desk: str | None


class Kind(BaseModel):
    same: str
