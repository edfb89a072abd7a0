"""The embedded stack: starts, describes, stops and removes all services as processes of this machine."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import psutil

from infra.local.environments import Environments
from infra.local.services.all_services import make_services
from infra.local.services.postgres_paths import remove_cluster
from infra.local.supervision.health import last_lines
from infra.local.supervision.processes import end, find_processes
from infra.local.supervision.service import Service
from infra.local.supervision.startup import Startup
from infra.local.supervision.supervisor import Supervisor
from infra.local.task_commands import run_feast, run_verb
from infra.platform.endpoints import Endpoints, local_endpoints
from infra.platform.environment import base_variables, local_variables
from infra.platform.errors import StackError
from infra.platform.progress import LogProgress, Progress
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings


@dataclass(frozen=True)
class Stack:
    """The platform as processes. The object holds no state of its own, so any process with the settings can use it."""

    settings: Settings
    endpoints: Endpoints
    services: dict[str, Service]
    progress: Progress = field(default_factory=LogProgress)

    @classmethod
    def load(cls, settings: Settings, progress: Progress | None = None) -> Self:
        """Make the folders and return the stack; start nothing."""
        settings.layout.make()
        endpoints = local_endpoints(settings, Secrets(settings.layout.secrets))
        services = make_services(settings, endpoints, Environments(settings.layout))
        return cls(settings, endpoints, {service.name: service for service in services}, progress or LogProgress())

    @property
    def secrets(self) -> Secrets:
        return self.endpoints.secrets

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.settings.layout)

    @property
    def startup(self) -> Startup:
        return Startup(self.supervisor, self.settings.layout.logs, self.progress)

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of a program of the platform (`tasks` or `serving`), with PATH, HOME and the like."""
        return {**base_variables(os.environ), **local_variables(name, self.settings, self.endpoints)}

    def with_needs(self, names: Iterable[str]) -> list[str]:
        """Return the services and all services that they need, needs first."""
        ordered: list[str] = []
        for name in names:
            if name not in self.services:
                raise StackError(f"There is no service {name!r}; the services are {', '.join(self.services)}.")
            ordered += [need for need in (*self.with_needs(self.services[name].needs), name) if need not in ordered]
        return ordered

    def start(self, names: Iterable[str]) -> None:
        """Start the services and their needs, each once its needs are healthy. Services that are healthy already keep running."""
        wanted = [self.services[name] for name in self.with_needs(names)]
        self.heal()
        environments = Environments(self.settings.layout)
        # Pass the stamps of all services: supervisord would see a service without its stamp as changed and stop it.
        stamps = {service.environment_name: environments.stamp(service.environment_name) for service in self.services.values()}
        self.supervisor.write(self.services.values(), stamps)
        self.supervisor.start()
        self.startup.wait_for(wanted)

    @property
    def start_command(self) -> str:
        return "make up"

    def names(self) -> list[str]:
        return list(self.services)

    def states(self) -> dict[str, str]:
        return self.supervisor.states()

    def last_lines(self, name: str) -> str:
        return last_lines(self.settings.layout.logs / f"{name}.log")

    def state(self, name: str) -> str:
        return self.supervisor.state(name)

    def heal(self) -> None:
        """End the processes that a killed supervisord or a failed start left behind, and no processes of other programs."""
        if self.supervisor.pid() is None:
            left = end(find_processes(self.settings.layout), patience=10)
            if left:
                raise StackError(f"Processes {', '.join(left)} of an earlier start do not end: restart the machine.")

    def run_feast(self, arguments: list[str]) -> int:
        return run_feast(self.settings, self.endpoints, arguments)

    def run_verb(self, verb: str, arguments: list[str]) -> int:
        return run_verb(self.settings, self.endpoints, verb, arguments)

    def stop(self) -> None:
        """Stop every service, its descendants, and supervisord; return when no process is left."""
        family = find_processes(self.settings.layout)
        pid = self.supervisor.pid()
        if pid is not None:
            process = psutil.Process(pid)
            self.supervisor.shutdown()
            psutil.wait_procs([process], timeout=90)
        left = end({*family, *find_processes(self.settings.layout)}, patience=5)
        if left:
            raise StackError(f"Processes {', '.join(left)} do not end: see `ps -fp {','.join(left)}`.")

    def remove(self) -> None:
        """Stop the platform and remove data, secrets and logs, also Postgres's folder outside the home. Keep the environments."""
        layout = self.settings.layout
        self.stop()
        remove_cluster(layout)
        for folder in (layout.data, layout.secrets, layout.logs, layout.run):
            if folder.exists():
                shutil.rmtree(folder)  # raises, naming the file that it cannot remove
        (layout.home / "stack_id").unlink(missing_ok=True)
