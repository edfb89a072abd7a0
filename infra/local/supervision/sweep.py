"""Ends the processes that a killed service left behind: `python -m infra.local.supervision.sweep TITLE`.

A service's start script runs this first. A server whose main process is killed may leave a child that holds the port, which
would make every later start fail.
"""

import os
import sys

import psutil

from infra.local.supervision.processes import SERVICE, STACK_ID, end, find_session


def is_leftover(process: psutil.Process, stack_id: str, service: str, title: str) -> bool:
    """Return True if an earlier start of this service left the process. Its process group differs from that of this start."""
    try:
        variables = process.environ()
        same = variables.get(STACK_ID) == stack_id and variables.get(SERVICE) == service
        # A process that set its title has lost its environment; it is found by its session, which is supervisord's.
        same = same or (title != "" and find_session(process) == os.getsid(0))
        earlier = os.getpgid(process.pid) != os.getpgrp()
        return same and earlier and title in " ".join(process.cmdline())
    except (psutil.Error, OSError):
        return False


if __name__ == "__main__":
    stack_id, service = os.environ[STACK_ID], os.environ[SERVICE]
    end([process for process in psutil.process_iter() if is_leftover(process, stack_id, service, sys.argv[1])], patience=3)
