"""A measured command: its memory, its temporary files, its children, its failure."""

import os
import sys
from pathlib import Path

import pytest

from tests.bench.scale.measure import Usage, run_measured

HOLD = """
import pathlib, tempfile, time
held = bytearray(200 << 20)
named, deleted = tempfile.mkstemp(), tempfile.TemporaryFile()
pathlib.Path(named[1]).write_bytes(bytes(8 << 20))
deleted.write(bytes(4 << 20))
deleted.flush()
time.sleep(1)
"""
SPIN = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))'], check=True)"


def run(code: str, folder: Path) -> Usage:
    return run_measured([sys.executable, "-c", code], os.environ, folder / "log", folder / "tmp")


def test_memory_and_temporary_files_are_seen(tmp_path: Path) -> None:
    usage = run(HOLD, tmp_path)
    assert 200 < usage.peak_mib < 300
    assert 12 <= usage.tmp_mib < 13
    assert 8 <= usage.tmp_left_mib < 9
    assert usage.wall_seconds > 1
    assert usage.processor_seconds > 0


def test_the_time_of_children_counts(tmp_path: Path) -> None:
    assert run(SPIN, tmp_path).processor_seconds > 2 * run("pass", tmp_path).processor_seconds


def test_a_failure_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 3:.*no such table"):
        run("import sys; print('no such table'); sys.exit(3)", tmp_path)
