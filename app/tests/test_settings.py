import pytest

from app.backend.settings import DEFAULT_DATABASE, Settings, SettingsError, database_url

SECRET = "s" * 32


@pytest.mark.parametrize("secret", [None, "", "s" * 31])
def test_a_weak_secret_refuses_to_start_and_is_not_shown(secret: str | None) -> None:
    with pytest.raises(SettingsError, match="at least 32 bytes") as refused:
        Settings.from_environment({} if secret is None else {"JWT_SECRET": secret})
    assert not secret or secret not in str(refused.value)


def test_secrets_are_not_in_the_repr() -> None:
    settings = Settings.from_environment(
        {
            "JWT_SECRET": SECRET,
            "ANTHROPIC_API_KEY": "sk-hidden",
            "DATABASE_URL": "postgresql://app:hidden@db/app",
            "REDIS_URL": "redis://:hidden@redis",
        }
    )
    assert "hidden" not in repr(settings)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("", f"sqlite+aiosqlite:///{DEFAULT_DATABASE}"),
        ("sqlite:///x.sqlite", "sqlite+aiosqlite:///x.sqlite"),
        ("postgresql://app:pa%40ss@db/app", "postgresql+asyncpg://app:pa%40ss@db/app"),
        ("postgres://db/app", "postgresql+asyncpg://db/app"),
        ("postgresql+asyncpg://db/app", "postgresql+asyncpg://db/app"),
    ],
)
def test_the_driver_is_the_app_s_business(given: str, used: str) -> None:
    assert database_url({"DATABASE_URL": given}) == used


@pytest.mark.parametrize(("text", "value"), [("", None), ("true", True), ("0", False)])
def test_the_secure_flag(text: str, value: bool | None) -> None:
    assert Settings.from_environment({"JWT_SECRET": SECRET, "COOKIE_SECURE": text}).cookie_secure is value


def test_a_flag_that_is_neither() -> None:
    with pytest.raises(SettingsError, match="COOKIE_SECURE"):
        Settings.from_environment({"JWT_SECRET": SECRET, "COOKIE_SECURE": "perhaps"})
