"""Long work in short pieces, so that what else waits for the event loop gets its turn between them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 50
"""Films of a batch: about a millisecond's work."""


async def yielding_to_loop(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, with a turn of the loop after each AT_ONCE of them."""
    for number, item in enumerate(items, 1):
        yield item
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
