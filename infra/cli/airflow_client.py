"""A client of Airflow's REST API."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from infra.platform.accounts import AIRFLOW_USER
from infra.platform.connections import local_session
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError

REQUEST_SECONDS = 30
"""Deadline of one request; on a busy machine Airflow takes several seconds."""
MAX_LINE = 2_000
CHUNK_BYTES = 2**20
FINAL_STATES = {"success", "failed"}


@dataclass
class AirflowClient:
    """A client that logs in with the first request, and again when the token has expired."""

    endpoints: Endpoints
    session: requests.Session = field(default_factory=local_session)

    def log_in(self) -> None:
        body = {"username": AIRFLOW_USER, "password": self.endpoints.secrets.read("airflow_password")}
        answer = self.session.post(f"{self.endpoints.airflow.url}/auth/token", json=body, timeout=REQUEST_SECONDS)
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one authenticated request and return the answer, which may be an error."""
        url = f"{self.endpoints.airflow.url}/api/v2/{path}"
        if "Authorization" not in self.session.headers:
            self.log_in()
        answer = self.session.request(method, url, timeout=REQUEST_SECONDS, **options)
        if answer.status_code == requests.codes.unauthorized:
            self.log_in()
            answer = self.session.request(method, url, timeout=REQUEST_SECONDS, **options)
        return answer

    def read(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        answer.raise_for_status()
        return answer.json()

    def knows(self, dag: str) -> bool:
        """Return True if Airflow has parsed the DAG."""
        return self.ask("GET", f"dags/{dag}").ok

    def read_dags(self) -> list[str]:
        return [dag["dag_id"] for dag in self.read("dags", limit=100)["dags"]]

    def read_import_errors(self) -> list[str]:
        """Return, for each DAG file that does not load, its name and the last line of the traceback."""
        errors = self.read("importErrors", limit=100)["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in errors]

    def trigger(self, dag: str, conf: Mapping[str, str | bool]) -> str:
        """Start a run and return its id."""
        answer = self.ask("POST", f"dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        if answer.status_code == requests.codes.not_found:
            raise StackError(f"There is no DAG {dag!r}; Airflow has {', '.join(self.read_dags()) or 'none'}.")
        if not answer.ok:
            raise StackError(f"Airflow does not start {dag}: {answer.json().get('detail', answer.text)}")
        return str(answer.json()["dag_run_id"])

    def fetch_run(self, dag: str, since: datetime | None = None) -> str | None:
        """Return the id of the newest unfinished run or, with `since`, of the newest run that was queued since then."""
        for run in self.read_runs(dag):
            if (since is None and run["state"] not in FINAL_STATES) or (since is not None and read_queued_at(run) >= since):
                return str(run["dag_run_id"])
        return None

    def read_runs(self, dag: str) -> list[dict[str, Any]]:
        """Return the last five runs, the newest first."""
        runs: list[dict[str, Any]] = self.read(f"dags/{dag}/dagRuns", order_by="-run_after", limit=5)["dag_runs"]
        return runs

    def read_state(self, dag: str, run: str) -> str:
        return str(self.read(f"dags/{dag}/dagRuns/{run}")["state"])

    def read_tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = self.read(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return tasks

    def read_log(self, dag: str, run: str, task: dict[str, Any], lines: int) -> list[str]:
        """Return the last lines of a task's newest attempt, each cut at MAX_LINE characters; empty if there is no log.

        The log is streamed as one entry per line. As a single JSON document, a log of 300 MB would exhaust the memory of
        Airflow's API server.
        """
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        params = {"full_content": "true", "map_index": task["map_index"]}
        with self.ask("GET", path, params=params, headers={"Accept": "application/x-ndjson"}, stream=True) as answer:
            if not answer.ok:
                return []
            last: deque[str] = deque(maxlen=lines)
            for entry in answer.iter_lines(chunk_size=CHUNK_BYTES):
                last.extend(line[:MAX_LINE] for line in read_entry(json.loads(entry)) if not line.startswith("::"))
            return list(last)


def read_queued_at(run: Mapping[str, Any]) -> datetime:
    """Return the time at which a run was queued, or was due if it is not queued yet."""
    return datetime.fromisoformat(run["queued_at"] or run["run_after"])


def read_entry(entry: dict[str, Any]) -> list[str]:
    """Return the lines of one log entry: its message and the errors in its details."""
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []]
    return list(filter(None, [*render_event(str(entry["event"])), *errors]))


def render_event(event: str) -> list[str]:
    """Return a task's JSON log line as text: its progress, or its message and traceback. Other lines are unchanged."""
    try:
        line = json.loads(event)
    except ValueError:
        return [event]
    if not isinstance(line, dict) or "message" not in line:
        return [event]
    progress = line.get("progress")
    if isinstance(progress, dict) and progress.get("total"):
        return [f"{progress['what']}: {progress['done']:,} of {progress['total']:,} rows"]
    return [str(line["message"]), *str(line.get("traceback", "")).splitlines()]
