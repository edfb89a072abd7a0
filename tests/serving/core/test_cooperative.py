"""Tests that other tasks of the event loop run during a long batch."""

import asyncio

from serving.core.cooperative import AT_ONCE, yielding_to_loop


def test_others_run_between_the_pieces() -> None:
    async def work() -> tuple[list[int], int]:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        done = [number async for number in yielding_to_loop(range(10 * AT_ONCE + 1))]
        task.cancel()
        return done, turns

    done, turns = asyncio.run(work())
    assert done == list(range(10 * AT_ONCE + 1))
    assert turns == 10
