"""The minutes of each folder of tests, printed at the end of a long run, so that where its time goes is always seen."""

from collections import defaultdict
from pathlib import Path

import pytest

SHORT_SECONDS = 60
"""A run below this length prints nothing, nor does a folder below a tenth of it."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found if isinstance(report, pytest.TestReport)]
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        seconds[name_folder(report.nodeid)] += report.duration
    if sum(seconds.values()) < SHORT_SECONDS:
        return
    terminalreporter.section("minutes of each folder, starts of servers included")
    for folder, total in sorted(seconds.items(), key=lambda item: -item[1]):
        if total >= SHORT_SECONDS / 10:
            terminalreporter.write_line(f"{total / 60:6.1f}  {folder}")


def name_folder(nodeid: str) -> str:
    """Return the first two folders below tests/ of a test's file, or one where there is one."""
    return "/".join(Path(nodeid.partition("::")[0]).parent.parts[:3])
