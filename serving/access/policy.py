"""Keys and rate limit, where either is set."""

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import Scope

from serving.access.api_keys import ApiKeys, given_keys
from serving.access.rejections import NO_KEY, WRONG_KEY, Rejection, rate_limited
from serving.settings import Settings

OPEN = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
"""What tells how to ask needs no key; the probes never come here."""


class AccessPolicy:
    """Judges one request; sets scope['client_name'] to the key's owner."""

    def __init__(self, keys: ApiKeys | None, rate: "RateLimiter | None") -> None:
        self._keys, self._rate = keys, rate

    def judge(self, scope: Scope) -> Rejection | None:
        """Why it may not pass, if so. A wrong key does not count against anyone's limit, not even its address'."""
        who = None
        if self._keys is not None and scope["path"] not in OPEN:
            who = self._keys.name_of(scope["headers"])
            if who is None:
                return WRONG_KEY if given_keys(scope["headers"]) else NO_KEY
            scope["client_name"] = who
        return None if self._rate is None else self._rate.judge(who or address_of(scope))


class RateLimiter:
    """A limit for each caller, counted in this process: with n workers a caller may reach n times as much."""

    def __init__(self, item: RateLimitItem) -> None:
        self._item, self._limiter = item, FixedWindowRateLimiter(MemoryStorage())
        self._text = f"{item.amount} in {item.get_expiry()} s"

    def judge(self, who: str) -> Rejection | None:
        """Count one request of this caller, an owner's name or an address."""
        if self._limiter.hit(self._item, who):
            return None
        reset = self._limiter.get_window_stats(self._item, who).reset_time
        return rate_limited(self._text, max(1, math.ceil(reset - time.time())))


def address_of(scope: Scope) -> str:
    """The address that the connection came from; what X-Forwarded-For says anyone can write."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def make_access_policy(settings: Settings, keys: ApiKeys | None) -> AccessPolicy | None:
    """What the settings ask for; None where they ask for nothing, and then it costs nothing."""
    rate = RateLimiter(parse(settings.rate_limit)) if settings.rate_limit else None
    return AccessPolicy(keys, rate) if keys or rate else None
