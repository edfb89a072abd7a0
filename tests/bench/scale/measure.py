"""Runs a command and measures it: processor time, memory, temporary files, time."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.platform.layout import REPOSITORY

SAMPLE_SECONDS = 0.1
MIB, BLOCK_BYTES = 1 << 20, 512
LAST_LINES = 2_000
"""Characters of a failed command's log that its error has."""


@dataclass(frozen=True)
class Usage:
    """What a command and all its children used."""

    processor_seconds: float
    """By wait4(2): of the process and of the children that it waited for."""
    wall_seconds: float
    peak_mib: float
    """Resident memory: the largest sum over its processes that was seen, or the main one's own maximum if that is larger.

    ru_maxrss is not taken, because it includes the memory of the process that started the command."""
    tmp_mib: float
    """The most that was seen on disk in its TMPDIR, deleted files that are still open included."""
    tmp_left_mib: float
    """What it left there."""
    load_average: float
    """Of the machine in the minute before its end: above the number of cores, the time says little."""


class Peaks:
    """The largest values that were seen of a running process."""

    def __init__(self, pid: int, tmp: Path) -> None:
        self._process, self._tmp, self.memory, self.disk = psutil.Process(pid), tmp, 0.0, 0.0

    def sample(self) -> None:
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, PermissionError):  # it has just ended
            family = [self._process, *self._process.children(recursive=True)]
            self.memory = max(self.memory, sum(process.memory_info().rss for process in family) / MIB, read_high_mark(family[0]))
            deleted = sum(measure_deleted(process, self._tmp) for process in family)
            self.disk = max(self.disk, measure_folder(self._tmp) + deleted)


def run_measured(command: Sequence[str], environment: Mapping[str, str], log: Path, tmp: Path) -> Usage:
    """Run the command to its end. tmp: an empty folder, its TMPDIR. Raises RuntimeError with the log's end if it fails."""
    tmp.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env={**environment, "TMPDIR": str(tmp)}, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT
        )
        peaks = Peaks(process.pid, tmp)
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                peaks.sample()
                time.sleep(SAMPLE_SECONDS)
        except BaseException:
            process.kill()
            process.wait()
            raise
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text()[-LAST_LINES:]}")
    left = measure_folder(tmp)
    return Usage(usage.ru_utime + usage.ru_stime, seconds, peaks.memory, max(peaks.disk, left), left, os.getloadavg()[0])


def read_high_mark(process: psutil.Process) -> float:
    """Return VmHWM of proc_pid_status(5) in MiB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0)


def measure_folder(folder: Path) -> float:
    """Return MiB on disk of the files below the folder; a file that goes meanwhile counts as nothing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(path, name)).st_blocks * BLOCK_BYTES
    return total / MIB


def measure_deleted(process: psutil.Process, folder: Path) -> float:
    """Return MiB on disk of the folder's deleted files that the process has open."""
    total = 0
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            target = os.readlink(link)
            if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                total += link.stat().st_blocks * BLOCK_BYTES
    return total / MIB
