"""Register, log in, log out, and who is logged in."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from fusewire import Router, RpcError, active_user
from pydantic import Field, StringConstraints
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from starlette.requests import HTTPConnection

from app.backend.database import SessionDep
from app.backend.identity import clear_cookie, set_cookie, wants_secure
from app.backend.models import Account, UserInDB
from app.backend.state import AppState, StateDep

rpc = Router(tags=["accounts"])

NewUsername = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, min_length=3, max_length=32, pattern=r"^[A-Za-z0-9_.-]+$"
    ),
]
# Whoever logs in may type anything: a name that nobody can have is answered like one that nobody has.
Username = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=64)]
NewPassword = Annotated[str, Field(min_length=8, max_length=128)]
Password = Annotated[str, Field(max_length=128)]


class WrongCredentials(RpcError, status=401):
    """No such name, or not its password. It is not said which."""


class UsernameTaken(RpcError, status=409):
    """Somebody else has that name."""


# Over HTTP only: nothing else can set a cookie that scripts cannot read.
@rpc.post("/register", transports="http", limit="60/h", raises=[UsernameTaken])
async def register(
    username: NewUsername,
    password: NewPassword,
    *,
    response: Response,
    connection: HTTPConnection,
    state: StateDep,
    db: SessionDep,
) -> Account:
    """Makes an account and logs in."""
    user = UserInDB(username=username, password_hash=await state.passwords.hash(password))
    db.add(user)
    try:
        # The unique column decides: looking first would let two people through at the same moment.
        await db.commit()
    except IntegrityError as error:
        raise UsernameTaken(message=f"The name “{username}” is taken") from error
    _log_in(user, response, connection, state)
    return Account.model_validate(user, from_attributes=True)


@rpc.post("/login", transports="http", limit="30/m", raises=[WrongCredentials])
async def login(
    username: Username,
    password: Password,
    *,
    response: Response,
    connection: HTTPConnection,
    state: StateDep,
    db: SessionDep,
) -> Account:
    """Sets the session's cookie."""
    user = (await db.exec(select(UserInDB).where(UserInDB.username == username))).one_or_none()
    stored = user.password_hash if user is not None else None
    if not await state.passwords.verify(stored, password) or user is None:
        raise WrongCredentials(message="Wrong name or password")
    if state.passwords.outdated(user.password_hash):
        user.password_hash = await state.passwords.hash(password)
        await db.commit()
    _log_in(user, response, connection, state)
    return Account.model_validate(user, from_attributes=True)


@rpc.post("/logout", transports="http")
async def logout(response: Response, connection: HTTPConnection, state: StateDep) -> None:
    """Takes the cookie away, whatever it holds."""
    clear_cookie(response, secure=wants_secure(state.settings, connection))


@rpc.get("/account")
async def account(db: SessionDep) -> Account | None:
    """The account that is logged in; null for nobody, and for one that is gone."""
    me = active_user()
    user = None if me is None else await db.get(UserInDB, UUID(me))
    return None if user is None else Account.model_validate(user, from_attributes=True)


def _log_in(user: UserInDB, response: Response, connection: HTTPConnection, state: AppState) -> None:
    set_cookie(response, state.tokens.issue(user.id), secure=wants_secure(state.settings, connection))
