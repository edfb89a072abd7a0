"""Which processes are ours, told by a random name in their environment, and how they are ended."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from infra.platform.layout import Layout

MARK = "MARQUEE_STACK"
PART = "MARQUEE_PART"


def find_ours(layout: Layout) -> list[psutil.Process]:
    """Return every process of this stack, grandchildren and orphans included; a reused pid can not fool it."""
    mark = layout.stack_id()
    everything = list(psutil.process_iter())
    known = {process for process in everything if carries(process, mark)}
    # Programs that show a title overwrite their environment; but the session is supervisord's, and only its offspring is in it.
    sessions = {session for process in known if (session := find_session(process)) and session != os.getsid(0)}
    known |= {process for process in everything if find_session(process) in sessions}
    family = {child for process in known for child in children(process)}
    return sorted(known | family, key=lambda process: process.pid)


def carries(process: psutil.Process, mark: str) -> bool:
    """Return whether the process was started with our mark."""
    try:
        return process.environ().get(MARK) == mark
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
    """Ask the processes to stop, kill those that do not within `patience` seconds, and return the names of any left."""
    remaining = list(processes)
    for process in remaining:
        signal(process, kill=False)
    _, remaining = psutil.wait_procs(remaining, timeout=patience)
    for process in remaining:
        signal(process, kill=True)
    _, remaining = psutil.wait_procs(remaining, timeout=5)
    return [str(process.pid) for process in remaining]


def signal(process: psutil.Process, *, kill: bool) -> None:
    """Send TERM or KILL; psutil checks pid and start time first, so a stranger who got the pid is safe."""
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def remove_stale_postmaster(cluster: Path) -> None:
    """Remove postmaster.pid when its pid now belongs to another program: Postgres would wait for that one for ever."""
    path = cluster / "postmaster.pid"
    if not path.exists():
        return
    pid = int(path.read_text().splitlines()[0])
    try:
        process = psutil.Process(pid)
        foreign = process.name() != "postgres" or process.cwd() != str(cluster)  # Postgres works in its cluster
    except psutil.Error:
        return  # it is gone, or another user's: Postgres sees that by itself
    if foreign:
        path.unlink()


def memory(process: psutil.Process) -> int:
    """Return the proportional set size in bytes of a process and its children: shared pages are counted once."""
    total = 0
    for each in (process, *children(process)):
        try:
            total += each.memory_full_info().pss
        except psutil.Error:
            continue
    return total
