"""The service's log in memory."""

import io
from typing import Any

from serving.telemetry.log_writer import LogWriter
from tests.log_shape import check_line


class Log(LogWriter):
    """Its lines can be read several times."""

    def __init__(self) -> None:
        self._memory = io.BytesIO()
        super().__init__(self._memory)

    @property
    def lines(self) -> list[dict[str, Any]]:
        assert self.flush(10)
        return [check_line(line) for line in self._memory.getvalue().splitlines()]
