"""Startup of services: each starts as soon as its needs are healthy, and is waited for until it is healthy itself."""

import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.local.supervision.health import is_healthy
from infra.local.supervision.service import Service
from infra.local.supervision.supervisor import Supervisor
from infra.platform.ports import check_free
from infra.platform.progress import Progress

PREPARED_AT_ONCE = 3
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Startup:
    """The startup of services that supervisord already knows."""

    supervisor: Supervisor
    logs: Path
    progress: Progress

    def wait_for(self, wanted: list[Service]) -> None:
        """Start the services, given that their other needs are healthy already; return when they are healthy."""
        with ThreadPoolExecutor(PREPARED_AT_ONCE) as pool:
            try:
                self.start_in_order(wanted, pool)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def start_in_order(self, wanted: list[Service], pool: Executor) -> None:
        """Start every service once its needs are healthy; schemas are prepared side by side."""
        names, healthy = {service.name for service in wanted}, set[str]()
        begun: dict[str, Future[float]] = {}
        while len(healthy) < len(wanted):
            states = self.supervisor.states()
            for service in wanted:
                if service.name in healthy or not healthy.issuperset(names.intersection(service.needs)):
                    continue
                if service.name not in begun:
                    self.progress.begin(service.name, "starting")
                    begun[service.name] = pool.submit(self.begin, service)
                start = begun[service.name]
                if start.done() and self.is_healthy(service, states.get(service.name, "STOPPED"), start.result()):
                    service.post_start()
                    self.progress.end(service.name, f"ready at {service.url}" if service.url else "ready")
                    healthy.add(service.name)
            time.sleep(POLL_SECONDS)

    def begin(self, service: Service) -> float:
        """Prepare and start one service unless it runs; return its deadline to be healthy, in seconds of the monotonic clock."""
        state = self.supervisor.state(service.name)
        if state in {"BACKOFF", "STOPPING"}:
            self.supervisor.stop_service(service.name)  # it waits for its next restart, or ends; either refuses a start
        if state not in {"RUNNING", "STARTING"}:
            for endpoint in service.listens:
                check_free(endpoint.bind, endpoint.port, endpoint.setting)
            service.prepare()
            self.supervisor.start_service(service.name)
        return time.monotonic() + service.start_seconds

    def is_healthy(self, service: Service, state: str, deadline: float) -> bool:
        """Return whether the service answers; raise with its last log lines once it cannot be expected to."""
        if is_healthy(service, state, deadline, self.logs / f"{service.name}.log"):
            return True
        self.progress.note(service.name, "waiting until it answers")
        return False
