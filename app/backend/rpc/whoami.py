"""Who the server thinks you are, and how you reached it."""

from fusewire import Router, active_user
from fusewire import is_http as called_by_http
from fusewire import is_rpc as called_by_rpc
from pydantic import BaseModel

rpc = Router(tags=["identity"])


class Me(BaseModel):
    user_id: str | None
    is_rpc: bool
    is_http: bool


@rpc.get("/whoami", limit="5/h")
async def whoami() -> Me:
    """Five times an hour, however you ask: WebSocket and REST share the count."""
    return Me(user_id=active_user(), is_rpc=called_by_rpc(), is_http=called_by_http())
