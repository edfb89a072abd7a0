"""Startup of services: starts each once its needs are healthy, and waits until all are healthy."""

import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.supervision.health import is_healthy
from infra.local.supervision.service import Service
from infra.local.supervision.supervisor import Supervisor
from infra.platform.errors import StackError
from infra.platform.ports import check_free
from infra.platform.progress import Progress

PREPARED_AT_ONCE = 3
POLL_SECONDS = 0.25
SOME_RESTARTS = 3
"""Number of processes of one service since its start from which it counts as crashing repeatedly, even if slowly."""


@dataclass
class Attempt:
    """The state of one service's startup."""

    service: Service
    begun: Future[float] | None = None
    """Its preparation and start; the result is the deadline."""
    pids: set[int] = field(default_factory=set)
    recovered: bool = False
    healthy: bool = False
    failure: str = ""

    @property
    def ended(self) -> bool:
        return self.healthy or bool(self.failure)


@dataclass(frozen=True)
class Startup:
    """The startup of services that supervisord already knows."""

    supervisor: Supervisor
    logs: Path
    progress: Progress

    def wait_for(self, wanted: list[Service]) -> None:
        """Start the services and return when they are healthy. Needs that are not in the list must be healthy already."""
        with ThreadPoolExecutor(PREPARED_AT_ONCE) as pool:
            try:
                self.start_in_order(wanted, pool)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def start_in_order(self, wanted: list[Service], pool: Executor) -> None:
        """Start every service once its needs are healthy. A service that fails blocks only those that need it.

        Raise StackError at the end, with one sentence for each failure.
        """
        attempts = {service.name: Attempt(service) for service in wanted}
        while any(not attempt.ended for attempt in attempts.values()):
            processes = self.supervisor.processes()
            for name, attempt in attempts.items():
                needs = [attempts[need] for need in attempt.service.needs if need in attempts]
                if any(need.failure for need in needs):
                    attempt.failure = attempt.failure or f"{name} was not started: it needs a service that failed."
                if not attempt.ended and all(need.healthy for need in needs):
                    try:
                        self.advance(attempt, processes.get(name, {}), pool)
                    except StackError as error:
                        attempt.failure = str(error)
            time.sleep(POLL_SECONDS)
        failures = [attempt.failure for attempt in attempts.values() if attempt.failure]
        if failures:
            raise StackError("\n".join(failures))

    def advance(self, attempt: Attempt, process: Mapping[str, Any], pool: Executor) -> None:
        """Take the next step for one service: begin it, recover its data, or check its health."""
        service, state = attempt.service, str(process.get("statename", "STOPPED"))
        if attempt.begun is None:
            self.progress.begin(service.name, "starting")
            attempt.begun = pool.submit(self.begin, service)
        if not attempt.begun.done():
            return
        deadline = attempt.begun.result()
        attempt.pids |= {process.get("pid", 0)} - {0}
        exits = state in {"BACKOFF", "FATAL"} or len(attempt.pids) >= SOME_RESTARTS
        if exits and service.recover and not attempt.recovered:
            attempt.recovered = True
            self.supervisor.stop_service(service.name)
            if sentence := service.recover():
                self.progress.say(f"  {sentence}")
            attempt.begun = pool.submit(self.begin, service)
        elif self.is_healthy(service, state, deadline):
            service.post_start()
            self.progress.end(service.name, f"ready at {service.url}" if service.url else "ready")
            attempt.healthy = True

    def begin(self, service: Service) -> float:
        """Prepare and start one service unless it runs. Return its deadline to be healthy, in seconds of the monotonic clock."""
        state = self.supervisor.state(service.name)
        if state in {"BACKOFF", "STOPPING"}:
            self.supervisor.stop_service(service.name)  # supervisord rejects a start in these states
        if state not in {"RUNNING", "STARTING"}:
            for endpoint in service.listens:
                check_free(endpoint.bind, endpoint.port, endpoint.setting)
            service.prepare()
            self.supervisor.start_service(service.name)
        return time.monotonic() + service.start_seconds

    def is_healthy(self, service: Service, state: str, deadline: float) -> bool:
        """Return True if the service answers. Raise StackError with its last log lines if it has failed."""
        if is_healthy(service, state, deadline, self.logs / f"{service.name}.log"):
            return True
        self.progress.note(service.name, "waiting until it answers")
        return False
