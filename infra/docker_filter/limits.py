"""Limits on the resources that clients can occupy: open connections, and bytes of unanswered requests."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.docker_filter.policy.errors import TooBusy
from infra.docker_filter.policy.settings import Settings


class ByteBudget:
    """The memory budget, in bytes, that the unanswered requests of all connections share."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0

    def take(self, count: int) -> None:
        """Count received bytes. Raise TooBusy if all requests together would exceed the budget."""
        if self._held + count > self._limit:
            raise TooBusy(f"the requests that are being read hold {self._limit} bytes, as many as they may")
        self._held += count

    def give_back(self, count: int) -> None:
        """Release bytes that are no longer held."""
        self._held -= count


class RequestBytes:
    """The bytes that one request holds of the budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget, self.held = budget, 0

    def take(self, count: int) -> None:
        """Count received bytes. Raise TooBusy if the budget is exhausted."""
        self._budget.take(count)
        self.held += count


class Limits:
    """The limits of one filter process."""

    def __init__(self, settings: Settings) -> None:
        self._connections_max = settings.filter_connections_max
        self._connections = self._rejected = 0
        self._budget = ByteBudget(settings.filter_request_bytes_max)

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Count a connection while it is open. Raise TooBusy if the limit is reached."""
        if self._connections >= self._connections_max:
            raise TooBusy(f"{self._connections_max} connections are open, which is the limit")
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1

    @contextmanager
    def rejected_connection(self) -> Iterator[bool]:
        """Count a connection that is being rejected. Yield True if it may stay open until the client has read the answer."""
        self._rejected += 1
        try:
            yield self._rejected <= self._connections_max
        finally:
            self._rejected -= 1

    @contextmanager
    def request_bytes(self) -> Iterator[RequestBytes]:
        """Yield a request's share of the budget, and release the share at the end."""
        share = RequestBytes(self._budget)
        try:
            yield share
        finally:
            self._budget.give_back(share.held)
