"""A client of supervisord, which starts and restarts the services and rotates their logs. Only the owner can open its socket."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from infra.local.supervision.processes import STACK_ID
from infra.local.supervision.service import Service
from infra.local.supervision.supervisor_config import render_head, render_program, render_script
from infra.platform.environment import base_variables
from infra.platform.errors import StackError
from infra.platform.layout import Layout, make_folder
from infra.platform.secrets import write_private

POLL_SECONDS = 0.1
MAX_SOCKET_PATH = 90
"""Bytes. A Unix socket's path may have 107, and supervisord first binds to a longer, temporary name."""


class SupervisorFault(StackError):
    """An error of a call that supervisord rejected; `code` is one of `supervisor.xmlrpc.Faults`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text}. Run `make down`, then `make up`.")
        self.code = code


@dataclass(frozen=True)
class Supervisor:
    """The supervisord of one platform."""

    layout: Layout

    @property
    def socket(self) -> Path:
        """Return the socket's path: in `run`, or in a private folder in /tmp if that path would be too long."""
        path = self.layout.run / "supervisor.sock"
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
            return path
        home = hashlib.sha256(os.fsencode(self.layout.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"marquee-{os.geteuid()}-{home}" / "s"

    def call(self, method: str, *arguments: Any) -> Any:
        """Call one of supervisord's procedures."""
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        with ServerProxy("http://127.0.0.1", transport) as server:
            try:
                return getattr(server.supervisor, method)(*arguments)
            except Fault as fault:
                raise SupervisorFault(
                    fault.faultCode, f"supervisord refuses {method} {arguments}: {fault.faultString}"
                ) from fault

    def pid(self) -> int | None:
        """Return the pid of the supervisord that answers on our socket; None if none answers."""
        try:
            return int(self.call("getPID"))
        except (OSError, HTTPException):
            return None

    def write(self, services: Iterable[Service], stamps: dict[str, str]) -> None:
        """Write a start script for each service, and the configuration. Its digests show supervisord which scripts changed."""
        folder = self.layout.run / "services"
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder, 0o700)
        sections = [render_head(self.socket)]
        for service in services:
            script = render_script(service, self.layout)
            write_private(folder / f"{service.name}.sh", script)
            sections.append(render_program(service, script + stamps.get(service.environment_name, "")))
        write_private(self.layout.run / "supervisord.conf", "".join(sections))

    def start(self) -> None:
        """Start supervisord, or make the running one read the configuration again, which stops changed services."""
        if self.pid() is not None:
            self.reload()
            return
        make_private(self.socket.parent)
        self.socket.unlink(missing_ok=True)
        config = self.layout.run / "supervisord.conf"
        command = [str(self.layout.python("local")), "-m", "supervisor.supervisord", "-c", str(config)]
        done = subprocess.run(
            command,
            env={**base_variables(os.environ), STACK_ID: self.layout.stack_id()},
            capture_output=True,
            text=True,
            check=False,
            cwd=self.layout.run,
        )
        deadline = time.monotonic() + 10
        while self.pid() is None:
            if done.returncode or time.monotonic() > deadline:
                raise StackError(
                    f"supervisord did not start: {done.stderr.strip() or 'no answer'}; see {self.layout.logs}/supervisord.log."
                )
            time.sleep(0.05)

    def reload(self) -> None:
        added, changed, removed = self.call("reloadConfig")[0]
        for name in (*changed, *removed):
            self.stop_service(name)
            self.call("removeProcessGroup", name)
        for name in (*added, *changed):
            self.call("addProcessGroup", name)

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return supervisord's record of each service; empty if supervisord is not running."""
        try:
            return {process["name"]: process for process in self.call("getAllProcessInfo")}
        except (OSError, HTTPException):
            return {}

    def states(self) -> dict[str, str]:
        """Return the state of each service, in supervisord's words."""
        return {name: str(process["statename"]) for name, process in self.processes().items()}

    def state(self, name: str) -> str:
        return self.states().get(name, "STOPPED")

    def start_service(self, name: str) -> None:
        """Start a service. It is no error if supervisord has already restarted it, or if it exits at once and is restarted."""
        try:
            self.call("startProcess", name, False)
        except SupervisorFault as fault:
            if fault.code not in {Faults.ALREADY_STARTED, Faults.SPAWN_ERROR}:
                raise

    def stop_service(self, name: str) -> None:
        """Stop a service and return when its process has ended; supervisord kills one that takes too long."""
        try:
            self.call("stopProcess", name)
        except SupervisorFault as fault:
            if fault.code != Faults.NOT_RUNNING:
                raise
        while self.state(name) == "STOPPING":  # an earlier stop is in progress
            time.sleep(POLL_SECONDS)

    def shutdown(self) -> None:
        """Ask supervisord to stop every service and itself."""
        self.call("shutdown")


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter. Raise StackError if another user made it first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise StackError(f"{folder} belongs to another user or is open to others: remove it and try again.")
