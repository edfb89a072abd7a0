"""The control pipe between two API processes that share a listening socket, a parent and the child that it started.

The child sends READY, a HEARTBEAT while its event loop runs, and DRAINING before it ends. It drains when the parent closes its
end of the pipe or dies.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable

from serving.telemetry.metrics_pipe import MetricsReader

LISTENER, CONTROL_PIPE, METRICS_PIPE = "MARQUEE_LISTENER_FD", "MARQUEE_CONTROL_PIPE_FD", "MARQUEE_METRICS_PIPE_FD"
"""Environment variables in which a process leaves the numbers of inherited files to the one that it starts."""
REPLACEMENT = "MARQUEE_REPLACEMENT"
"""The same for the program that it executes in its own place: `pid:control pipe:metrics pipe` of its replacement."""
READY, HEARTBEAT, DRAINING = b"r", b".", b"d"
DRAIN_SECONDS = 10
"""Limit of a drain: the requests in flight are answered, and the callers are told to connect elsewhere."""
START_SECONDS = 120
"""Limit from the start of a process until it answers; it verifies its model before."""


class Child:
    """The parent's view of a process that it started on the same listening socket."""

    def __init__(self, pid: int, pipe: socket.socket, metrics: socket.socket) -> None:
        self.pid, self.pipe, self.metrics = pid, pipe, MetricsReader(metrics)
        pipe.setblocking(False)
        self._ended: asyncio.Task[tuple[int, int]] | None = None

    @classmethod
    def start(cls, listener: socket.socket) -> "Child":
        """Start this program once more, with the same arguments and environment."""
        (pipe, child_pipe), (metrics, child_metrics) = socket.socketpair(), socket.socketpair()
        with child_pipe, child_metrics:
            inherited_files = {LISTENER: listener, CONTROL_PIPE: child_pipe, METRICS_PIPE: child_metrics}
            for file in inherited_files.values():
                file.set_inheritable(True)
            numbers = {variable: str(file.fileno()) for variable, file in inherited_files.items()}
            return cls(os.posix_spawn(sys.executable, program(), os.environ | numbers), pipe, metrics)

    async def receive(self, seconds: float) -> bytes:
        """Return the next messages, b"" when the child has ended; raise TimeoutError after so many seconds of silence."""
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.pipe, 64), seconds)
        except ConnectionError:
            return b""

    async def await_ready(self) -> bool:
        """Return true once it answers requests, false when it ended instead or was killed after START_SECONDS."""
        try:
            return READY in await self.receive(START_SECONDS)
        except TimeoutError:
            self.kill(signal.SIGKILL)
            return False

    def drain(self) -> None:
        """Tell it to answer the requests in flight and end."""
        try:
            self.pipe.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has ended already

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal; its process id stays valid until it is reaped."""
        os.kill(self.pid, number)

    async def reap(self, seconds: float) -> int:
        """Wait for its end and return its exit code as subprocess has it; kill it after so many seconds."""
        if self._ended is None:  # a second call waits for the same end, which waitpid reports only once
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
        """Send a message without waiting; when the parent is slow and the pipe is full, a heartbeat is lost."""
        try:
            self._pipe.send(message)
        except OSError:
            return  # the end of the parent is noticed by `on_end`

    def on_end(self, drain: Callable[[], None]) -> None:
        """Call `drain` when the parent wants this process to end, or has died."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            loop.remove_reader(self._pipe)  # the parent never sends anything: the pipe becomes readable only at its end
            drain()

        loop.add_reader(self._pipe, read)


def program() -> list[str]:
    """Return the command line that started this process."""
    return [sys.executable, *sys.orig_argv[1:]]


def inherited(variable: str) -> socket.socket | None:
    """Return the socket that the process before us left in this variable, and unset it, so that no child takes it for its own."""
    number = os.environ.pop(variable, None)
    if number is None:
        return None
    inherited_socket = socket.socket(fileno=int(number))
    inherited_socket.set_inheritable(False)
    return inherited_socket
