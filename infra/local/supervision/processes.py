"""The processes of a platform: found by a random name in their environment, ended in order."""

import os
from collections.abc import Iterable

import psutil

from infra.platform.layout import Layout

STACK_ID = "MARQUEE_STACK"
"""Variable that holds the platform's random name, in every process of it."""
SERVICE = "MARQUEE_SERVICE"
"""Variable that holds the name of the service that a process belongs to."""


def find_processes(layout: Layout) -> list[psutil.Process]:
    """Return every process of this platform, grandchildren and orphans included; a reused pid cannot mislead it."""
    stack_id = layout.stack_id()
    everything = list(psutil.process_iter())
    known = {process for process in everything if has_mark(process, stack_id)}
    # A program that shows a title overwrites its environment. It is still in the session of supervisord, like all its offspring.
    sessions = {session for process in known if (session := find_session(process)) and session != os.getsid(0)}
    known |= {process for process in everything if find_session(process) in sessions}
    family = {child for process in known for child in children(process)}
    return sorted(known | family, key=lambda process: process.pid)


def has_mark(process: psutil.Process, stack_id: str) -> bool:
    """Return whether the process was started with this platform's random name."""
    try:
        return process.environ().get(STACK_ID) == stack_id
    except (psutil.Error, OSError):
        return False


def find_session(process: psutil.Process) -> int:
    """Return the id of the process's session; 0 when it is gone."""
    try:
        return os.getsid(process.pid)
    except OSError:
        return 0


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def end(processes: Iterable[psutil.Process], patience: float) -> list[str]:
    """Ask the processes to stop, kill those that do not within `patience` seconds, and return the pids of any left."""
    remaining = list(processes)
    for process in remaining:
        signal(process, kill=False)
    _, remaining = psutil.wait_procs(remaining, timeout=patience)
    for process in remaining:
        signal(process, kill=True)
    _, remaining = psutil.wait_procs(remaining, timeout=5)
    return [str(process.pid) for process in remaining]


def signal(process: psutil.Process, *, kill: bool) -> None:
    """Send TERM or KILL; psutil compares pid and start time first, so another process that got the pid is safe."""
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def memory(process: psutil.Process) -> int:
    """Return the proportional set size in bytes of a process and its children: shared pages are counted once."""
    total = 0
    for member in (process, *children(process)):
        try:
            total += member.memory_full_info().pss
        except psutil.Error:
            continue
    return total
