"""The access policy: API keys and a rate limit, each optional."""

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import Scope

from serving.access.api_keys import ApiKeys, find_keys
from serving.access.rejections import NO_KEY, WRONG_KEY, Rejection, rate_limited
from serving.settings import Settings

DOCUMENTATION = frozenset({"/", "/docs", "/redoc", "/openapi.json"})
DOCUMENTATION_ASSETS = "/docs/assets/"
"""The documentation needs no key, nor do the files that its pages load; the probes bypass this check."""


class AccessPolicy:
    """The API keys and the rate limit of one process."""

    def __init__(self, keys: ApiKeys | None, rate_limiter: "RateLimiter | None") -> None:
        self._keys, self._rate_limiter = keys, rate_limiter

    def check(self, scope: Scope) -> Rejection | None:
        """Count the request and return its rejection, or None; set scope['client_name'] to the owner of its key.

        A request with a wrong key is not counted against any limit, so that it cannot use up another caller's limit.
        """
        owner = None
        if self._keys is not None and not is_documentation(scope["path"]):
            owner = self._keys.find_owner(scope["headers"])
            if owner is None:
                return WRONG_KEY if find_keys(scope["headers"]) else NO_KEY
            scope["client_name"] = owner
        return None if self._rate_limiter is None else self._rate_limiter.check(owner or address_of(scope))


class RateLimiter:
    """A rate limit for each caller, counted in this process: with n workers a caller may send n times as many requests."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limit, self._limiter = limit, FixedWindowRateLimiter(MemoryStorage())
        self._text = f"{limit.amount} in {limit.get_expiry()} s"

    def check(self, caller: str) -> Rejection | None:
        """Count one request of this caller, a key's owner or an address, and reject it when it is over the limit."""
        if self._limiter.hit(self._limit, caller):
            return None
        reset = self._limiter.get_window_stats(self._limit, caller).reset_time
        return rate_limited(self._text, max(1, math.ceil(reset - time.time())))


def is_documentation(path: str) -> bool:
    """Return true for the documentation pages and the files that they load."""
    return path in DOCUMENTATION or path.startswith(DOCUMENTATION_ASSETS)


def address_of(scope: Scope) -> str:
    """Return the caller's address: the connection's, or that of X-Forwarded-For where FORWARDED_ALLOW_IPS trusts the proxy."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def make_access_policy(settings: Settings, keys: ApiKeys | None) -> AccessPolicy | None:
    """Return the policy of the settings; None when they set neither keys nor a limit, which saves the check."""
    rate_limiter = RateLimiter(parse(settings.rate_limit)) if settings.rate_limit else None
    return AccessPolicy(keys, rate_limiter) if keys or rate_limiter else None
