"""The stack: starts parts in the order of their needs, waits until each is well, and stops them all."""

import os
import time
from collections.abc import Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import psutil

from infra.local.environments import Environments
from infra.local.services.all_services import make_parts
from infra.local.supervision.health import is_well, last_lines
from infra.local.supervision.processes import end, find_ours
from infra.local.supervision.service import Part
from infra.local.supervision.supervisor import Supervisor
from infra.platform.environment import base_variables, local_variables
from infra.platform.errors import StackError
from infra.platform.ports import check_free
from infra.platform.progress import LogProgress, Progress
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

PREPARED_AT_ONCE = 3
PAUSE = 0.25


@dataclass(frozen=True)
class Stack:
    """Every method may be called by any process that knows the settings; the state is supervisord's."""

    settings: Settings
    secrets: Secrets
    parts: dict[str, Part]
    progress: Progress = field(default_factory=LogProgress)

    @classmethod
    def load(cls, settings: Settings, progress: Progress | None = None) -> Self:
        """Make the folders and describe the parts; nothing is started."""
        settings.layout.make()
        secrets = Secrets(settings.layout.secrets)
        parts = {part.name: part for part in make_parts(settings, secrets, Environments(settings.layout))}
        return cls(settings, secrets, parts, progress or LogProgress())

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.settings.layout)

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of a program of the platform (`tasks` or `serving`) beside PATH, HOME and the like."""
        return {**base_variables(os.environ), **local_variables(name, self.settings, self.secrets)}

    def with_needs(self, names: Iterable[str]) -> list[str]:
        """Return the parts and all they need, needs first."""
        ordered: list[str] = []
        for name in names:
            if name not in self.parts:
                raise StackError(f"There is no part {name!r}; the parts are {', '.join(self.parts)}.")
            ordered += [each for each in (*self.with_needs(self.parts[name].needs), name) if each not in ordered]
        return ordered

    def start(self, names: Iterable[str]) -> None:
        """Start the parts and what they need, each as soon as its needs are well; parts that are well already are left alone."""
        wanted = [self.parts[name] for name in self.with_needs(names)]
        self.heal()
        environments = Environments(self.settings.layout)
        # Of all parts, wanted or not: one whose stamp were left out would seem changed, and be stopped.
        stamps = {part.environment_name: environments.stamp(part.environment_name) for part in self.parts.values()}
        self.supervisor.write(self.parts.values(), stamps)
        self.supervisor.start()
        self.wait_for(wanted)

    def wait_for(self, wanted: list[Part]) -> None:
        """Start the parts, whatever else they need being well already, and return when they are well."""
        with ThreadPoolExecutor(PREPARED_AT_ONCE) as pool:
            try:
                self.start_in_order(wanted, pool)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def start_in_order(self, wanted: list[Part], pool: Executor) -> None:
        """Start every part once its needs are well; schemas are prepared side by side."""
        names, well = {part.name for part in wanted}, set[str]()
        begun: dict[str, Future[float]] = {}
        while len(well) < len(wanted):
            states = self.supervisor.states()
            for part in wanted:
                if part.name in well or not well.issuperset(names.intersection(part.needs)):
                    continue
                if part.name not in begun:
                    self.progress.begin(part.name, "starting")
                    begun[part.name] = pool.submit(self.begin, part)
                if begun[part.name].done() and self.is_well(part, states.get(part.name, "STOPPED"), begun[part.name].result()):
                    part.settle()
                    self.progress.end(part.name, f"ready at {part.url}" if part.url else "ready")
                    well.add(part.name)
            time.sleep(PAUSE)

    def begin(self, part: Part) -> float:
        """Prepare and start one part unless it runs; return when it must be well, in seconds of the monotonic clock."""
        if self.state(part.name) not in {"RUNNING", "STARTING"}:
            self.launch(part)
        return time.monotonic() + part.start_seconds

    def launch(self, part: Part) -> None:
        for address, setting, port in part.ports:
            check_free(address, port, setting)
        part.prepare()
        self.supervisor.start_part(part.name)

    def is_well(self, part: Part, state: str, deadline: float) -> bool:
        """Return whether the part answers; raise with its last log lines once it can not be expected to."""
        if is_well(part, state, deadline, self.settings.layout.logs / f"{part.name}.log"):
            return True
        self.progress.note(part.name, "waiting until it answers")
        return False

    def names(self) -> list[str]:
        return list(self.parts)

    def states(self) -> dict[str, str]:
        return self.supervisor.states()

    def last_lines(self, name: str) -> str:
        return last_lines(self.settings.layout.logs / f"{name}.log")

    def state(self, name: str) -> str:
        return self.states().get(name, "STOPPED")

    def heal(self) -> None:
        """End what a killed supervisord or a broken start left behind; others' processes are never touched."""
        if self.supervisor.pid() is None:
            left = end(find_ours(self.settings.layout), patience=10)
            if left:
                raise StackError(f"Processes {', '.join(left)} of an earlier start do not end: restart the machine.")

    def stop(self) -> None:
        """Stop every part, its children and grandchildren, and supervisord; return when no process is left."""
        family = find_ours(self.settings.layout)
        pid = self.supervisor.pid()
        if pid is not None:
            process = psutil.Process(pid)
            self.supervisor.shutdown()
            psutil.wait_procs([process], timeout=90)
        left = end({*family, *find_ours(self.settings.layout)}, patience=5)
        if left:
            raise StackError(f"Processes {', '.join(left)} do not end: see `ps -fp {','.join(left)}`.")
