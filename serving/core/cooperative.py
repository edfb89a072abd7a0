"""Splits long work into short pieces, so that the event loop can serve other requests in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 50
"""Movies of a batch between two turns of the event loop: about a millisecond's work."""


async def yielding_to_loop(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, and let the event loop run after each AT_ONCE of them."""
    for number, item in enumerate(items, 1):
        yield item
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
