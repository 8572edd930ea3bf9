"""What the tests wait for."""

from typing import Any


async def caught(work: Any) -> Any:
    """What `work` gives, or the error that it raises."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001  # it is what the test asks about
        return error


async def listed(items: Any) -> list[Any]:
    return [value async for value in items]
