"""What every store promises."""

import asyncio
from dataclasses import replace

import pytest
from fusewire.broker.memory_store import MemoryStore
from fusewire.broker.port import BrokerError
from fusewire.broker.redis.store import RedisStore
from fusewire.broker.store import Change, Store

from server.tests.broker.support import QUICK, eventually
from tests.support.proxy import Proxy


async def gone(store: Store, key: str) -> None:
    async def is_gone() -> bool:
        return await store.get(key) is None

    await eventually(is_gone)


async def test_values(store: Store) -> None:
    assert await store.get("a") is None
    await store.set("a", b"\x00 one\r\n", ttl_seconds=60)
    await store.set("b{c}", b"", ttl_seconds=60)
    assert await store.get("a") == b"\x00 one\r\n"
    assert await store.get_many(["b{c}", "nobody", "a"]) == [b"", None, b"\x00 one\r\n"]
    assert await store.get_many([]) == []
    await store.set("a", b"two", ttl_seconds=60)
    assert await store.get("a") == b"two"
    await store.delete("a")
    await store.delete("a")
    assert await store.get("a") is None


async def test_one_of_many_claims_and_the_others_get_what_is_there(store: Store) -> None:
    claims = await asyncio.gather(*(store.claim("key", b"%d" % n, ttl_seconds=60) for n in range(20)))
    winner = claims.index(None)
    assert claims.count(None) == 1
    assert set(claims) == {None, b"%d" % winner}


async def test_only_the_holder_replaces(store: Store) -> None:
    assert not await store.replace("key", b"mine", b"result", ttl_seconds=60)
    assert await store.claim("key", b"mine", ttl_seconds=60) is None
    assert not await store.replace("key", b"yours", b"wrong", ttl_seconds=60)
    assert await store.replace("key", b"mine", b"result", ttl_seconds=60)
    assert await store.claim("key", b"late", ttl_seconds=60) == b"result"


async def test_only_what_is_expected_is_discarded(store: Store) -> None:
    await store.discard("key", b"mine")
    await store.set("key", b"yours", ttl_seconds=60)
    await store.discard("key", b"mine")
    assert await store.get("key") == b"yours"
    await store.discard("key", b"yours")
    assert await store.get("key") is None


async def test_what_another_claimed_in_the_same_words_is_another_claim(store: Store) -> None:
    assert await store.claim("key", b"same", ttl_seconds=60) is None
    assert await store.claim("key", b"same", ttl_seconds=60) == b"same"


async def test_a_claim_whose_answer_was_lost_is_known_again(proxy: Proxy, name: str) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}", name=name, timing=QUICK)
    assert await store.get("nothing") is None
    for key, there in (("free", None), ("taken", b"yours")):
        if there is not None:
            await store.set(key, there, ttl_seconds=60)
        proxy.down.dropped.clear()
        proxy.down.drop = lambda _: True
        async with asyncio.TaskGroup() as tasks:
            claiming = tasks.create_task(store.claim(key, b"mine", ttl_seconds=60))
            await proxy.down.dropped.wait()
            proxy.down.drop = None
            proxy.cut()
        assert claiming.result() == there
        assert await store.get(key) == (there or b"mine")
    await store.aclose()


async def test_fields_change_one_by_one(store: Store) -> None:
    assert await store.fields("room") == {}
    await store.set_fields("room", {"ann": b"1", "bob": b"2"}, ttl_seconds=60)
    await store.set_fields("room", {"bob": b"3", "é": b""}, ttl_seconds=60)
    assert await store.fields("room") == {"ann": b"1", "bob": b"3", "é": b""}
    await store.delete_fields("room", ["ann", "nobody"])
    await store.delete_fields("nowhere", ["ann"])
    await store.delete_fields("room", [])
    await store.set_fields("room", {}, ttl_seconds=60)
    assert await store.fields("room") == {"bob": b"3", "é": b""}
    await store.delete_fields("room", ["bob", "é"])
    assert await store.fields("room") == {}
    assert await store.claim("room", b"free", ttl_seconds=60) is None


async def test_some_fields_are_read(store: Store) -> None:
    await store.set_fields("room", {"ann": b"1", "bob": b"", "é": b"3"}, ttl_seconds=60)
    assert await store.get_fields("room", ["é", "nobody", "bob"]) == {"é": b"3", "bob": b""}
    assert await store.get_fields("room", []) == {}
    assert await store.get_fields("nowhere", ["ann"]) == {}


async def test_fields_are_replaced_that_still_are_what_is_expected(store: Store) -> None:
    await store.set_fields("room", {"ann": b"1", "bob": b"", "cat": b"3", "dan": b"4"}, ttl_seconds=60)
    changes: dict[str, Change] = {
        "ann": (b"1", b"new"),
        "bob": (b"", None),
        "cat": (None, b"new"),
        "dan": (b"other", None),
        "é": (None, b"=\x00\r\n"),
        "fay": (b"", b"new"),
        "gus": (None, None),
    }
    assert await store.replace_fields("room", changes, ttl_seconds=60) == {"ann", "bob", "é", "gus"}
    left = {"ann": b"new", "cat": b"3", "dan": b"4", "é": b"=\x00\r\n"}
    assert await store.fields("room") == left
    assert await store.replace_fields("room", {}, ttl_seconds=60) == set()
    gone = await store.replace_fields("room", {f: (value, None) for f, value in left.items()}, ttl_seconds=60)
    assert gone == left.keys()
    assert await store.fields("room") == {}
    assert await store.claim("room", b"free", ttl_seconds=60) is None


async def test_of_many_who_replace_a_field_one_does(store: Store) -> None:
    tries = [store.replace_fields("room", {"ann": (None, b"%d" % n)}, ttl_seconds=60) for n in range(20)]
    results = await asyncio.gather(*tries)
    winner = results.index(frozenset({"ann"}))
    assert results.count(frozenset()) == 19
    assert await store.fields("room") == {"ann": b"%d" % winner}


async def test_more_fields_than_one_step_takes(store: Store) -> None:
    many = {f"member {n}": b"%d" % n for n in range(2_500)}
    await store.set_fields("room", many, ttl_seconds=60)
    assert await store.fields("room") == many
    assert await store.get_fields("room", many.keys()) == many
    changes: dict[str, Change] = {field: (value, None) for field, value in many.items()}
    assert await store.replace_fields("room", changes, ttl_seconds=60) == many.keys()
    assert await store.fields("room") == {}


async def test_fields_change_only_for_who_expects_what_is_there(store: Store) -> None:
    mine, yours = {"owner": b"me"}, {"owner": b"you"}
    assert await store.change_fields("s", mine, {"a": b"1"}, ttl_seconds=60) is None
    assert await store.fields("s") == {}
    assert await store.change_fields("s", yours, {"a": b"1"}, absent=mine, ttl_seconds=60) == {}
    assert await store.change_fields("s", yours, {"a": b"2"}, absent=yours, ttl_seconds=60) is None
    assert await store.change_fields("s", {"b": b""}, {}, without=["a"], ttl_seconds=60) is None
    assert await store.fields("s") == {"owner": b"me", "a": b"1"}
    assert await store.change_fields("s", mine, {"b": b"2"}, alone=True, ttl_seconds=60) is not None
    assert await store.fields("s") == {"b": b"2"}
    await store.set_fields("s", {"owner": b"me", "a": b"1"}, ttl_seconds=60)
    await store.delete_fields("s", ["b"])
    before = await store.change_fields(
        "s", mine, {"é": b""}, without=["a", "x"], absent=yours, ttl_seconds=60
    )
    assert before == {"owner": b"me", "a": b"1"}
    assert await store.fields("s") == {"owner": b"me", "é": b""}
    assert await store.change_fields("s", mine, yours, alone=True, ttl_seconds=0.1) == {
        "owner": b"me",
        "é": b"",
    }

    async def is_gone() -> bool:
        return await store.fields("s") == {}

    await eventually(is_gone)


async def test_everything_runs_out(store: Store) -> None:
    await store.set("a", b"1", ttl_seconds=0.1)
    await store.claim("b", b"1", ttl_seconds=0.1)
    await store.set("c", b"1", ttl_seconds=60)
    await store.replace("c", b"1", b"2", ttl_seconds=0.1)
    await store.set_fields("d", {"f": b"1"}, ttl_seconds=60)
    await store.replace_fields("d", {"f": (b"1", b"2")}, ttl_seconds=0.1)
    await store.replace_fields("d", {"f": (b"1", b"3")}, ttl_seconds=60)
    await store.set_fields("e", {"f": b"1"}, ttl_seconds=0.1)
    for key in "abc":
        await gone(store, key)

    async def no_fields() -> bool:
        return await store.fields("d") == {} == await store.fields("e")

    await eventually(no_fields)
    assert await store.claim("b", b"again", ttl_seconds=60) is None


async def test_what_is_touched_stays(store: Store) -> None:
    await store.set("a", b"1", ttl_seconds=0.3)
    await store.set_fields("b", {"f": b"1"}, ttl_seconds=0.3)
    await store.set("c", b"1", ttl_seconds=0.3)
    await store.touch(["a", "b", "nobody"], ttl_seconds=60)
    await gone(store, "c")
    assert await store.get("a") == b"1"
    assert await store.fields("b") == {"f": b"1"}
    assert await store.get("nobody") is None


async def test_an_unreachable_store_says_so_without_its_address() -> None:
    store = RedisStore("redis://user:hunter2@127.0.0.1:1/0", timing=replace(QUICK, patience=0.1))
    for question in (
        store.get("a"),
        store.get_many(["a"]),
        store.claim("a", b"", ttl_seconds=1),
        store.replace("a", b"", b"", ttl_seconds=1),
        store.get_fields("a", ["f"]),
        store.set_fields("a", {"f": b""}, ttl_seconds=1),
        store.change_fields("a", {}, {}, ttl_seconds=1),
        store.replace_fields("a", {"f": (None, b"")}, ttl_seconds=1),
        store.touch(["a"], ttl_seconds=1),
    ):
        with pytest.raises(BrokerError) as caught:
            await question
        assert "hunter2" not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)
    await store.aclose()


async def test_memory_is_given_back_without_being_asked_for_the_key() -> None:
    now = 0.0
    store = MemoryStore(clock=lambda: now)
    for n in range(1_000):
        await store.set(f"value {n}", b"x", ttl_seconds=10)
        await store.set_fields(f"hash {n}", {"f": b"x"}, ttl_seconds=20)
    now = 10.0
    await store.get("something else")
    assert repr(store) == "<MemoryStore 1000 keys>"
    now = 20.0
    await store.get("something else")
    assert repr(store) == "<MemoryStore 0 keys>"
