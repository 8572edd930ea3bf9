"""The faults. Each waits until what it broke is whole again, and not for ever."""

from __future__ import annotations

import asyncio

from tests.faults.waiting import until
from tests.faults.world import WORKERS, World

BACK_SECONDS = 40.0
"""For everybody to be back after a fault. A link that is half open is noticed after 11 s."""
AWAY_SECONDS = 0.3
"""For how long Redis is away."""


async def cut_redis(world: World, seconds: float) -> None:
    """All links to Redis, every half second."""
    for _ in range(int(seconds / 0.5)):
        world.redis.cut()
        await asyncio.sleep(0.5)


async def half_open_redis(world: World) -> None:
    """All links to Redis carry nothing any more, and no worker is told."""
    world.redis.half_open()
    await until(lambda: not world.redis.dead_links, BACK_SECONDS, lambda: "links to Redis that were given up")


async def restart_redis(world: World) -> None:
    """Redis is killed, and has what it had when it is back. Where it keeps nothing, all is lost."""
    await asyncio.to_thread(world.valkey.stop)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(world.valkey.start)


async def lose_redis_while_away(world: World) -> None:
    """The same while nobody is connected: sessions and their rooms are gone too."""
    world.front.refusing = True
    world.front.cut()
    everybody = len(world.listeners)
    await until(lambda: len(world.away) == everybody, BACK_SECONDS, lambda: "everybody being away")
    await restart_redis(world)
    world.front.refusing = False
    await back(world)


async def cut_clients(world: World, seconds: float) -> None:
    """Some clients at random, in the middle of whatever they hear or say."""
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        world.front.cut_some(2)
        await asyncio.sleep(world.chance.uniform(0.01, 0.2))
    await back(world)


async def half_open(world: World, links: int) -> None:
    """Some clients' links."""
    world.front.half_open_some(links)


async def jumble(world: World, seconds: float) -> None:
    """Frames with events come twice, late, and in another order."""
    before = world.front.touched
    world.front.jumbled = 0.02
    await asyncio.sleep(seconds)
    world.front.jumbled = 0.0
    assert world.front.touched > before, "there were frames to jumble"
    await back(world)


async def kill(world: World) -> None:
    """One worker, without warning."""
    before = world.connections
    victim = world.chance.choice(world.workers.serving)
    await world.workers.kill(victim)
    await until(lambda: world.connections > before, BACK_SECONDS, lambda: "clients of the worker that died")
    await back(world)


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
    await until(
        lambda: all(listener.connections > count for listener, count in before.items()),
        BACK_SECONDS,
        lambda: f"{len(before)} clients that come back at once; away are {world.away[:5]}",
    )


async def back(world: World) -> None:
    """Everybody is connected again."""
    await until(lambda: not world.away, BACK_SECONDS, lambda: f"everybody being back; away are {world.away}")


async def one_round(world: World, *, seconds: float = 2.0, links: int = 2) -> tuple[float, float]:
    """Every fault after which Redis still has what it had: nothing may be missing, told or not.

    `seconds`: of cutting the links to Redis; half as long of what else lasts. `links`: how many are left half open. Returns when the
    workers were replaced.
    """
    await half_open(world, links)
    await cut_redis(world, seconds)
    await restart_redis(world)
    await cut_clients(world, seconds / 2)
    await jumble(world, seconds / 2)
    await kill(world)
    await stampede(world)
    return await deploy(world)
