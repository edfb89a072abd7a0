"""Bounds on what clients can make the filter hold: open connections, and bytes of requests that are being read."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.docker_filter.errors import TooBusy
from infra.docker_filter.settings import Settings


class ByteBudget:
    """The bytes that the requests of all connections may hold together until they are answered."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0

    def take(self, count: int) -> None:
        """Count bytes that were received. Raise TooBusy if they are too many together with those of other requests."""
        if self._held + count > self._limit:
            raise TooBusy(f"the requests that are being read hold {self._limit} bytes, as many as they may")
        self._held += count

    def give_back(self, count: int) -> None:
        """Count bytes that are no longer held."""
        self._held -= count


class RequestBytes:
    """The share of one request in the budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget, self.held = budget, 0

    def take(self, count: int) -> None:
        """Count bytes that were received. Raise TooBusy as the budget does."""
        self._budget.take(count)
        self.held += count


class Limits:
    """The bounds of one filter."""

    def __init__(self, settings: Settings) -> None:
        self._connections_max = settings.filter_connections_max
        self._connections = self._rejected = 0
        self._budget = ByteBudget(settings.filter_request_bytes_max)

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Count a connection while it is open. Raise TooBusy if too many are open already."""
        if self._connections >= self._connections_max:
            raise TooBusy(f"{self._connections_max} connections are open, as many as may be")
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1

    @contextmanager
    def rejected_connection(self) -> Iterator[bool]:
        """Count a connection that is being rejected; yield whether it may stay open until its client has read the answer."""
        self._rejected += 1
        try:
            yield self._rejected <= self._connections_max
        finally:
            self._rejected -= 1

    @contextmanager
    def request_bytes(self) -> Iterator[RequestBytes]:
        """Give a request its share of the budget, and take the share back at the end."""
        share = RequestBytes(self._budget)
        try:
            yield share
        finally:
            self._budget.give_back(share.held)
