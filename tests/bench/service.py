"""The API with several workers: started, rolled over, looked into."""

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
"""In a rollover there is one worker more; one that comes takes the first free port."""
LOOKS = 16
"""So many connections in a row reach every worker, as good as surely."""


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
            "MODEL_CACHE_DIR": str(folder / "models"),
            "CATALOGUE_CACHE_DIR": str(folder / "catalogues"),
        }
        super().__init__([python, "-m", "serving"], folder, first, dict(environment) | own)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; one that ended by itself has said why to whoever started it."""
        return super().stop(number) if self._process and group_lives(self.pid) else 0

    def workers(self) -> list[psutil.Process]:
        """The processes that answer, and in a rollover those that are about to."""
        return [each for each in psutil.Process(self.pid).children() if lives(each)]

    def roll_over(self) -> None:
        """Start all workers anew, and wait until none of the old ones is left."""
        before = {each.pid for each in self.workers()}
        os.kill(self.pid, signal.SIGHUP)
        wait_until(
            lambda: len(self.workers()) == self.count and not before & {each.pid for each in self.workers()},
            what="the rollover to end",
        )

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON, over a connection of its own."""
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

    def wait_until_ready(self, snapshot: bool = True) -> None:
        """Wait until every worker has a model, features and, if wanted, the last published ratings."""

        def is_ready() -> bool:
            states = [self.ask("/readyz")[1] for _ in range(LOOKS)]
            return all(state["detail"] == "ready" and (state["snapshot"] or not snapshot) for state in states)

        wait_until(is_ready, what=f"all workers being ready (see {self.log})")

    def wait_until_serving(self, version: str) -> None:
        """Wait until every worker answers by this version of the model."""

        def is_served() -> bool:
            models = [self.ask("/readyz")[1]["model"] for _ in range(LOOKS)]
            return all(model and model["version"] == version for model in models)

        wait_until(is_served, what=f"version {version} being served by all workers (see {self.log})")

    def read_counters(self) -> Counter[str]:
        """The workers' counters, added up, as `name{label}`; those of workers that left are gone."""
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
    """What a worker shows there; '' where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except ConnectionRefusedError:
        return ""
    finally:
        connection.close()
