"""One deadline for many tasks: the late one alone is ended, and told apart from a cancelled one."""

import asyncio

import pytest

from serving.features.deadline import Deadline


async def linger(event: asyncio.Event) -> str:
    await event.wait()
    return "done"


def test_work_in_time_is_its_result() -> None:
    async def scene() -> str:
        event = asyncio.Event()
        event.set()
        return await Deadline(60).keep(linger(event))

    assert asyncio.run(scene()) == "done"


def test_late_work_is_a_timeout_and_its_task_goes_on() -> None:
    async def scene() -> int:
        with pytest.raises(TimeoutError):
            await Deadline(0.01).keep(linger(asyncio.Event()))
        await asyncio.sleep(0)  # would raise if the task were still being cancelled
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert asyncio.run(scene()) == 0


def test_who_began_later_is_not_ended_with_the_late_and_is_late_in_its_turn() -> None:
    async def scene() -> tuple[object, ...]:
        deadline, event = Deadline(0.2), asyncio.Event()
        first = asyncio.create_task(deadline.keep(linger(asyncio.Event())))
        await asyncio.sleep(0.15)
        second = asyncio.create_task(deadline.keep(linger(event)))
        third = asyncio.create_task(deadline.keep(linger(asyncio.Event())))
        await asyncio.wait([first])
        event.set()
        return await asyncio.gather(first, second, third, return_exceptions=True)

    first, second, third = asyncio.run(scene())
    assert isinstance(first, TimeoutError)
    assert second == "done"
    assert isinstance(third, TimeoutError)


def test_the_same_task_may_keep_one_deadline_after_another() -> None:
    async def scene() -> str:
        deadline, event = Deadline(0.01), asyncio.Event()
        with pytest.raises(TimeoutError):
            await deadline.keep(linger(event))
        event.set()
        return await deadline.keep(linger(event))

    assert asyncio.run(scene()) == "done"


def test_a_task_that_is_cancelled_is_cancelled() -> None:
    async def scene() -> bool:
        task = asyncio.create_task(Deadline(60).keep(linger(asyncio.Event())))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(scene())
