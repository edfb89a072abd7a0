"""One command at a time changes a platform."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from infra.platform.errors import StackError
from infra.platform.layout import Layout


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Hold the platform's lock; the system frees it however we end."""
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"Another `marquee` command is changing {layout.home}: wait until it has ended.") from None
        yield
