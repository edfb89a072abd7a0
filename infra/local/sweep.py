"""Ends what a killed part left behind: `python -m infra.local.sweep` runs in a part's start script, before the part itself.

A server whose main process is killed may leave a child that still holds the port; the next start would fail for ever.
"""

import os

import psutil

from infra.local.processes import MARK, PART, end


def is_leftover(process: psutil.Process, stack: str, part: str) -> bool:
    """Return whether the process is of the same part of the same stack, but not of this start (its process group)."""
    try:
        variables = process.environ()
        return variables.get(MARK) == stack and variables.get(PART) == part and os.getpgid(process.pid) != os.getpgrp()
    except (psutil.Error, OSError):
        return False


if __name__ == "__main__":
    stack, part = os.environ[MARK], os.environ[PART]
    end([process for process in psutil.process_iter() if is_leftover(process, stack, part)], patience=3)
