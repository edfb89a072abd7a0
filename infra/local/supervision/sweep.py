"""Ends what a killed service left behind, before it starts again: `python -m infra.local.supervision.sweep TITLE`.

A service's start script runs it first.

A server whose main process is killed may leave a child that still holds the port; the next start would fail for ever.
"""

import os
import sys

import psutil

from infra.local.supervision.processes import MARK, PART, end, find_session


def is_leftover(process: psutil.Process, stack: str, part: str, title: str) -> bool:
    """Return whether the process is what an earlier start of this part left, told from this start by its process group."""
    try:
        variables = process.environ()
        same = variables.get(MARK) == stack and variables.get(PART) == part
        # A title overwrites the environment; the session, which is supervisord's, then tells whose it is.
        same = same or (title != "" and find_session(process) == os.getsid(0))
        earlier = os.getpgid(process.pid) != os.getpgrp()
        return same and earlier and title in " ".join(process.cmdline())
    except (psutil.Error, OSError):
        return False


if __name__ == "__main__":
    stack, part = os.environ[MARK], os.environ[PART]
    end([process for process in psutil.process_iter() if is_leftover(process, stack, part, sys.argv[1])], patience=3)
