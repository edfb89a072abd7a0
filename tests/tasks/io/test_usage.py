"""Tests the log line of a task's processor time and memory."""

import re
import subprocess
import sys

from infra.platform.layout import REPOSITORY
from tasks.io.usage import describe_usage

TOLD = re.compile(r"used (\d+\.\d) s of processor time and at most (\d+) MiB of memory")
MEMORY = 300
PROGRAM = """
from tasks.io.usage import describe_usage
{allocate}
print(describe_usage())
"""


def run_program(allocate: str) -> int:
    """Return the MiB that a program of its own tells."""
    command = [sys.executable, "-c", PROGRAM.format(allocate=allocate)]
    told = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    match = TOLD.fullmatch(told)
    assert match is not None, told
    return int(match[2])


def test_memory_that_was_given_back_counts_and_that_of_the_starting_process_does_not() -> None:
    mine = b"x" * (MEMORY << 20)
    small, large = run_program(""), run_program(f"len(b'x' * ({MEMORY} << 20))")
    del mine
    assert small < MEMORY <= large - small + 1


def test_processor_time_grows() -> None:
    before = TOLD.fullmatch(describe_usage())
    sum(range(20_000_000))
    after = TOLD.fullmatch(describe_usage())
    assert before is not None
    assert after is not None
    assert float(after[1]) > float(before[1])
