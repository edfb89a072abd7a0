"""The control pipe between two API processes that share a listening socket: a parent and the child that it started.

The child sends READY when it answers, a HEARTBEAT while its event loop runs, and DRAINING before it ends. It drains when the
parent closes its end of the pipe or dies.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable

from serving.telemetry.metrics_pipe import MetricsReader

LISTENER, CONTROL_PIPE, METRICS_PIPE = "MARQUEE_LISTENER_FD", "MARQUEE_CONTROL_PIPE_FD", "MARQUEE_METRICS_PIPE_FD"
"""Environment variables that pass the numbers of inherited files to a child."""
REPLACEMENT = "MARQUEE_REPLACEMENT"
"""Environment variable that passes `pid:control pipe:metrics pipe` of the replacement to the program that a process executes."""
READY, HEARTBEAT, DRAINING = b"r", b".", b"d"
DRAIN_SECONDS = 10
"""Limit of a drain, in which requests in flight are answered and callers receive `Connection: close`."""
START_SECONDS = 120
"""Limit from the start of a process until it answers; this includes the verification of its model."""


class Child:
    """The parent's view of a process that it started on the same listening socket."""

    def __init__(self, pid: int, pipe: socket.socket, metrics: socket.socket) -> None:
        self.pid, self.pipe, self.metrics = pid, pipe, MetricsReader(metrics)
        pipe.setblocking(False)
        self._ended: asyncio.Task[tuple[int, int]] | None = None

    @classmethod
    def start(cls, listener: socket.socket) -> "Child":
        """Start this program again, with the same arguments and environment."""
        (pipe, child_pipe), (metrics, child_metrics) = socket.socketpair(), socket.socketpair()
        with child_pipe, child_metrics:
            inherited_files = {LISTENER: listener, CONTROL_PIPE: child_pipe, METRICS_PIPE: child_metrics}
            for file in inherited_files.values():
                file.set_inheritable(True)
            numbers = {variable: str(file.fileno()) for variable, file in inherited_files.items()}
            return cls(os.posix_spawn(sys.executable, program(), os.environ | numbers), pipe, metrics)

    async def receive(self, seconds: float) -> bytes:
        """Return the next messages, b"" when the child has ended. Raise TimeoutError after `seconds` of silence."""
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.pipe, 64), seconds)
        except ConnectionError:
            return b""

    async def await_ready(self) -> bool:
        """Return true when the child answers requests, false when it ended or was killed after START_SECONDS."""
        try:
            return READY in await self.receive(START_SECONDS)
        except TimeoutError:
            self.kill(signal.SIGKILL)
            return False

    def drain(self) -> None:
        """Ask the child to answer the requests in flight and end."""
        try:
            self.pipe.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has ended already

    def kill(self, number: signal.Signals) -> None:
        """Send the child a signal; its process id stays valid until it is reaped."""
        os.kill(self.pid, number)

    async def reap(self, seconds: float) -> int:
        """Wait for the child's end and return its exit code, in the form of subprocess; kill it after `seconds`."""
        if self._ended is None:  # waitpid reports the end only once, so a second call awaits the same task
            self._ended = asyncio.get_running_loop().create_task(asyncio.to_thread(os.waitpid, self.pid, 0))
        await asyncio.wait({self._ended}, timeout=seconds)
        if not self._ended.done():
            self.kill(signal.SIGKILL)
            await asyncio.wait({self._ended})
        code = os.waitstatus_to_exitcode(self._ended.result()[1])
        self.pipe.close()
        return code


class ControlPipe:
    """The child's end of the pipe."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        pipe.setblocking(False)

    def send(self, message: bytes) -> None:
        """Send a message without waiting; a message is lost when the pipe is full because the parent is slow."""
        try:
            self._pipe.send(message)
        except OSError:
            return  # `on_end` notices the end of the parent

    def on_end(self, drain: Callable[[], None]) -> None:
        """Call `drain` when the parent wants this process to end, or has died."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            loop.remove_reader(self._pipe)  # the parent never sends, so the pipe is readable only when it is closed
            drain()

        loop.add_reader(self._pipe, read)


def program() -> list[str]:
    """Return the command line that started this process."""
    return [sys.executable, *sys.orig_argv[1:]]


def inherited(variable: str) -> socket.socket | None:
    """Return the socket whose number is in this variable, None without it; unset the variable, so that no child uses it."""
    number = os.environ.pop(variable, None)
    if number is None:
        return None
    inherited_socket = socket.socket(fileno=int(number))
    inherited_socket.set_inheritable(False)
    return inherited_socket
