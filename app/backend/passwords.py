"""Password hashes: argon2id, in a few threads of their own."""

from functools import partial

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's minimum. The library's defaults take 64 MiB and four times as long; 32 logins at once would be 2 GB.
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
THREADS = 3
"""Hashing takes about 30 ms of a core and 19 MiB each: more at once only makes everybody slower."""


class Passwords:
    def __init__(self, *, threads: int = THREADS) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._limiter = CapacityLimiter(threads)
        # Of the same parameters as every real one, and of a password that nobody has.
        self._nobody = self._hasher.hash("\0")

    async def hash(self, password: str) -> str:
        return await to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits. Without a stored hash it does not, after the same work: time tells nobody who exists."""
        check = partial(self._fits, stored or self._nobody, password)
        return await to_thread.run_sync(check, limiter=self._limiter) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
