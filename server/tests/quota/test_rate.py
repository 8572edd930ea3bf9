import pytest
from fusewire.quota import MemoryLimiter, Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/h", Rate(5, 3600)),
        ("100/m", Rate(100, 60)),
        ("1/s", Rate(1, 1)),
        ("2/d", Rate(2, 86_400)),
        ("10/30s", Rate(10, 30)),
        ("5 per hour", Rate(5, 3600)),
        ("5/minute", Rate(5, 60)),
    ],
)
def test_rates_as_people_write_them(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


async def test_each_key_has_its_own_window() -> None:
    limiter, rate = MemoryLimiter(), Rate(2, 60)
    assert [await limiter.hit("ann", rate) for _ in range(2)] == [0, 0]
    assert 1 <= await limiter.hit("ann", rate) <= 60
    assert await limiter.hit("bob", rate) == 0
