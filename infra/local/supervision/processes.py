"""The processes of a platform: finds them by a random id in their environment, and ends them."""

import os
from collections.abc import Iterable

import psutil

from infra.platform.layout import Layout

STACK_ID = "MARQUEE_STACK"
"""Variable that holds the platform's random id in each of its processes."""
SERVICE = "MARQUEE_SERVICE"
"""Variable that holds the name of the process's service."""


def find_processes(layout: Layout) -> list[psutil.Process]:
    """Return every process of this platform, including descendants and orphans. A reused pid cannot cause a false match."""
    stack_id = layout.stack_id()
    everything = list(psutil.process_iter())
    known = {process for process in everything if has_mark(process, stack_id)}
    # A program that sets its title overwrites its environment, but it stays in supervisord's session, as do its descendants.
    sessions = {session for process in known if (session := find_session(process)) and session != os.getsid(0)}
    known |= {process for process in everything if find_session(process) in sessions}
    family = {child for process in known for child in children(process)}
    return sorted(known | family, key=lambda process: process.pid)


def has_mark(process: psutil.Process, stack_id: str) -> bool:
    """Return True if the process was started with this platform's random id."""
    try:
        return process.environ().get(STACK_ID) == stack_id
    except (psutil.Error, OSError):
        return False


def find_session(process: psutil.Process) -> int:
    """Return the session id of the process; 0 if the process has ended."""
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
    """Stop the processes, kill those that still run after `patience` seconds, and return the pids of any that are left."""
    remaining = list(processes)
    for process in remaining:
        signal(process, kill=False)
    _, remaining = psutil.wait_procs(remaining, timeout=patience)
    for process in remaining:
        signal(process, kill=True)
    _, remaining = psutil.wait_procs(remaining, timeout=5)
    return [str(process.pid) for process in remaining]


def signal(process: psutil.Process, *, kill: bool) -> None:
    """Send TERM or KILL. psutil first compares pid and start time, so a new process with a reused pid is safe."""
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def memory(process: psutil.Process) -> int:
    """Return the proportional set size of a process and its children, in bytes; shared pages are counted once."""
    total = 0
    for member in (process, *children(process)):
        try:
            total += member.memory_full_info().pss
        except psutil.Error:
            continue
    return total
