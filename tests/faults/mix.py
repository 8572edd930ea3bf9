"""The faults. Each waits until what it broke is whole again."""

from __future__ import annotations

import asyncio

from tests.faults.world import WORKERS, World

BACK_SECONDS = 40.0
"""For everybody to be back after a fault. A link that is half open is noticed after 11 s."""


async def cut_redis(world: World, seconds: float) -> None:
    """All links to Redis, every half second."""
    for _ in range(int(seconds / 0.5)):
        world.redis.cut()
        await asyncio.sleep(0.5)


async def cut_clients(world: World, seconds: float) -> None:
    """Some clients at random, in the middle of whatever they hear or say."""
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        world.front.cut_some(2, world.chance)
        await asyncio.sleep(world.chance.uniform(0.01, 0.2))
    await back(world)


async def half_open(world: World, links: int) -> None:
    world.front.half_open_some(links, world.chance)


async def kill(world: World) -> None:
    """One worker, without warning."""
    before = world.connections
    victim = world.chance.choice(world.workers.serving)
    await world.workers.kill(victim)
    assert await world.until(lambda: world.connections > before and world.connected, BACK_SECONDS)


async def deploy(world: World) -> tuple[float, float]:
    """Each worker in turn, under load; their successors serve by then. Returns from when to when, on the loop's clock."""
    clock = asyncio.get_running_loop().time
    old = list(world.workers.serving)
    await asyncio.gather(*(world.workers.start_one() for _ in range(WORKERS)))
    began = clock()
    for worker in old:
        await world.workers.stop(worker)
    await back(world)
    return began, clock()


async def stampede(world: World) -> None:
    """Everybody comes back at once."""
    before = {listener: listener.connections for listener in world.listeners}
    world.front.cut()
    assert await world.until(
        lambda: all(listener.connections > count for listener, count in before.items()), BACK_SECONDS
    )


async def lose_redis(world: World) -> None:
    """Redis dies with all that it knew, and is back soon."""
    await asyncio.to_thread(world.valkey.stop)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(world.valkey.start)


async def lose_redis_while_away(world: World) -> None:
    """The same while nobody is connected: sessions and their rooms are gone too."""
    world.front.refusing = True
    world.front.cut()
    assert await world.until(lambda: not any_connected(world), BACK_SECONDS)
    await lose_redis(world)
    world.front.refusing = False
    await back(world)


def any_connected(world: World) -> bool:
    return any(listener.session.status.state == "connected" for listener in world.listeners)


async def back(world: World) -> None:
    """Everybody is connected again."""
    assert await world.until(lambda: world.connected, BACK_SECONDS), [
        listener.session.status for listener in world.listeners
    ]


async def one_round(world: World, *, seconds: float = 2.0, links: int = 2) -> tuple[float, float]:
    """Every fault after which Redis still has what it had: nothing may be missing, told or not.

    `seconds`: of cutting the links to Redis, and as long of cutting clients' links. `links`: how many are left half open. Returns when the
    workers were replaced.
    """
    await half_open(world, links)
    await cut_redis(world, seconds)
    await cut_clients(world, seconds)
    await kill(world)
    await stampede(world)
    return await deploy(world)
