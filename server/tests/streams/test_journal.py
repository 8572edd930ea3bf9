"""How much of a stream is kept, and when its generator waits."""

from __future__ import annotations

import pytest
from fusewire.streams.journal import (
    KEPT_BYTES,
    KEPT_ITEMS,
    LATEST,
    ON_ITS_WAY_BYTES,
    UNREAD_BYTES,
    UNREAD_ITEMS,
    Unread,
)


def filled(sizes: list[int], *, taken: bool) -> tuple[Unread, int]:
    """A journal of items of these sizes, read as they are written or not at all; and how many of them are kept."""
    unread, kept = Unread(), 0
    for n, size in enumerate(sizes, 1):
        kept = unread.keep(size)
        unread.add(f"1-{n}", size)
        if taken:
            unread.taken(f"1-{n}")
    return unread, kept


def test_what_was_read_is_kept_up_to_so_many_items() -> None:
    assert filled([1] * (KEPT_ITEMS - 1), taken=True)[1] == KEPT_ITEMS - 1
    assert filled([1] * (KEPT_ITEMS + 500), taken=True)[1] == KEPT_ITEMS


def test_what_was_read_is_kept_up_to_so_many_bytes() -> None:
    quarter = KEPT_BYTES // 4
    assert filled([quarter] * 4, taken=True)[1] == 4
    assert filled([quarter] * 9, taken=True)[1] == 4
    # Whatever their size, so many are.
    assert filled([3 * KEPT_BYTES] * 9, taken=True)[1] == LATEST + 1


def test_what_may_be_on_its_way_is_kept_whatever_comes_behind_it() -> None:
    window = [ON_ITS_WAY_BYTES // 8] * 8
    assert filled([*window, KEPT_BYTES, KEPT_BYTES, KEPT_BYTES], taken=True)[1] == 10
    assert filled([*window, KEPT_BYTES, KEPT_BYTES, KEPT_BYTES, 1], taken=True)[1] == 3


def test_what_was_not_read_is_kept_whatever_it_takes() -> None:
    large = KEPT_BYTES // 2
    assert filled([large, large, large, 3 * KEPT_BYTES], taken=False)[1] == 4


@pytest.mark.parametrize(
    ("sizes", "full"),
    [
        ([1] * (UNREAD_ITEMS - 1), False),
        ([1] * UNREAD_ITEMS, True),
        ([UNREAD_BYTES - 1], False),
        ([UNREAD_BYTES - 1, 1], True),
        ([50 * UNREAD_BYTES], True),
    ],
)
def test_it_is_full(sizes: list[int], full: bool) -> None:
    unread, _ = filled(sizes, taken=False)
    assert unread.full is full
    unread.taken(f"1-{len(sizes)}")
    assert not unread.full


def test_it_is_no_fuller_for_what_was_read() -> None:
    unread, _ = filled([UNREAD_BYTES // 2] * 2, taken=False)
    unread.taken("0-9")
    assert unread.full
    unread.taken("1-1")
    assert not unread.full
