"""Reports this process's processor time and peak memory."""

import time
from pathlib import Path

STATUS = Path("/proc/self/status")
KIB_PER_MIB = 1024


def describe_usage() -> str:
    """Return both in one clause, for the last line of a task's log."""
    return f"used {time.process_time():.1f} s of processor time and at most {read_peak_mib()} MiB of memory"


def read_peak_mib() -> int:
    """Return the largest resident memory that this program had, in MiB: VmHWM of proc_pid_status(5).

    getrusage(2) would include the peak of the parent process.
    """
    fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return round(int(fields["VmHWM"].removesuffix(" kB")) / KIB_PER_MIB)
