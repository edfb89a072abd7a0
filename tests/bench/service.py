"""The API with several workers: start, rollover, metrics."""

import http.client
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from infra.platform.ports import find_free_ports
from tests.serving.servers import Server, group_lives, wait_until

WORKERS = 2
METRICS_PORTS = 8
"""A rollover has one worker more; a new worker takes the first free port."""
CONNECTIONS_TO_REACH_ALL = 16
"""So many connections in a row reach every worker, almost surely."""


class Service(Server):
    """`python -m serving` with caches of its own."""

    def __init__(self, python: str, folder: Path, environment: Mapping[str, str], workers: int = WORKERS) -> None:
        first, grpc, *metrics, _ = find_free_ports(2 + METRICS_PORTS)
        self.grpc_port, self._metrics_ports, self.count = grpc, metrics, workers
        own = {
            "API_PORT": str(first),
            "GRPC_PORT": str(grpc),
            "METRICS_PORT": str(metrics[0]),
            "API_WORKERS": str(workers),
            "DEPLOYMENT_CACHE_DIR": str(folder / "deployments"),
        }
        super().__init__([python, "-m", "serving"], folder, first, dict(environment) | own)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the service; 0 when it has ended by itself, which `start` has reported."""
        return super().stop(number) if self._process and group_lives(self.pid) else 0

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer, in a rollover also those that start."""
        return [child for child in psutil.Process(self.pid).children() if lives(child)]

    def roll_over(self) -> None:
        """Replace all workers, and wait until none of the old ones is left."""
        before = {worker.pid for worker in self.workers()}
        os.kill(self.pid, signal.SIGHUP)
        wait_until(
            lambda: len(self.workers()) == self.count and not before & {worker.pid for worker in self.workers()},
            what="the rollover to end",
        )

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and JSON of one request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            if body is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def wait_until_ready(self, predictions: bool = True) -> None:
        """Wait until every worker has a model, features and, if wanted, the last published ratings."""

        def is_ready() -> bool:
            states = [self.ask("/readyz")[1] for _ in range(CONNECTIONS_TO_REACH_ALL)]
            return all(state["detail"] == "ready" and (state["prediction_set"] or not predictions) for state in states)

        wait_until(is_ready, what=f"all workers being ready (see {self.log})")

    def wait_until_serving(self, version: str) -> None:
        """Wait until every worker answers by this version of the model."""

        def is_served() -> bool:
            models = [self.ask("/readyz")[1]["model"] for _ in range(CONNECTIONS_TO_REACH_ALL)]
            return all(model and model["version"] == version for model in models)

        wait_until(is_served, what=f"version {version} being served by all workers (see {self.log})")

    def read_counters(self) -> Counter[str]:
        """Return the sum of the workers' counters as `name{label}`; counters of ended workers are lost."""
        found: Counter[str] = Counter()
        for port in self._metrics_ports:
            for family in text_string_to_metric_families(read_metrics(port)):
                for sample in family.samples:
                    if family.type == "counter" and sample.name.endswith("_total"):
                        labels = ",".join(sample.labels.values())
                        found[f"{sample.name}{{{labels}}}" if labels else sample.name] += int(sample.value)
        return found


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def read_metrics(port: int) -> str:
    """Return a worker's metrics; '' where no worker listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except ConnectionRefusedError:
        return ""
    finally:
        connection.close()
