"""A process that stands beside another of the same kind on the same listening socket, and the line between the two.

The child says over it that it is ready, that it still turns, and that it is about to leave; it leaves when the line ends,
be it because it was told to or because the other died.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable

LISTENER, LINE, STAND_IN = "MARQUEE_LISTENER_FD", "MARQUEE_LINE_FD", "MARQUEE_STAND_IN"
"""Variables that one process sets for the next: numbers of inherited files; the stand-in's is `pid:fd`."""
READY, TURNS, LEAVES = b"r", b".", b"l"
DRAIN_SECONDS = 10
"""From being told to end, for answers that were begun and callers that are told to go elsewhere."""
START_SECONDS = 120
"""From the start of a process until it answers; it tries its model before."""


class Child:
    """A process on the same listening socket."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid, self.line = pid, line
        self._ended: asyncio.Task[tuple[int, int]] | None = None

    @classmethod
    def start(cls, listener: socket.socket) -> "Child":
        """Start this program once more, with the same arguments and environment."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            theirs.set_inheritable(True)
            listener.set_inheritable(True)
            environment = os.environ | {LISTENER: str(listener.fileno()), LINE: str(theirs.fileno())}
            return cls(os.posix_spawn(sys.executable, program(), environment), ours)

    async def hear(self, seconds: float) -> bytes:
        """What it says next, b"" at its end; raises TimeoutError when it says nothing for so long."""
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.line, 64), seconds)
        except ConnectionError:
            return b""

    async def await_ready(self) -> bool:
        """Wait until it answers requests; False when it ended instead, or had to be killed because it did not come to it."""
        try:
            return READY in await self.hear(START_SECONDS)
        except TimeoutError:
            self.send(signal.SIGKILL)
            return False

    def dismiss(self) -> None:
        """Let it finish what it has begun, and end."""
        try:
            self.line.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is gone already

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; it is there until it is reaped."""
        os.kill(self.pid, number)

    async def reap(self, seconds: float) -> int:
        """Wait for its end and return its exit code, as subprocess has it; after so many seconds it is killed."""
        if self._ended is None:  # a second call waits for the same end, which the system tells only once
            self._ended = asyncio.get_running_loop().create_task(asyncio.to_thread(os.waitpid, self.pid, 0))
        await asyncio.wait({self._ended}, timeout=seconds)
        if not self._ended.done():
            self.send(signal.SIGKILL)
            await asyncio.wait({self._ended})
        code = os.waitstatus_to_exitcode(self._ended.result()[1])
        self.line.close()
        return code


class ControlPipe:
    """The child's end."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        line.setblocking(False)

    def say(self, what: bytes) -> None:
        """Say it if the other listens; one that is slow misses a beat and no more."""
        try:
            self._line.send(what)
        except OSError:
            return  # whoever died is noticed by `on_end`

    def on_end(self, leave: Callable[[], None]) -> None:
        """Call it when the other wants this process to end, or has died."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            loop.remove_reader(self._line)  # the other never says anything: there is something to read only at the end
            leave()

        loop.add_reader(self._line, read)


def program() -> list[str]:
    """The command line that started this process."""
    return [sys.executable, *sys.orig_argv[1:]]


def inherited(variable: str) -> socket.socket | None:
    """The socket that the process before us left under this variable; it is taken out, so that no child takes it for its own."""
    number = os.environ.pop(variable, None)
    if number is None:
        return None
    left = socket.socket(fileno=int(number))
    left.set_inheritable(False)
    return left
