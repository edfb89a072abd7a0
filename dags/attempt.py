"""One Airflow attempt of one task. It fences the task's leases and identifies its container or pod."""

import os
from dataclasses import dataclass

from airflow.sdk import Context


@dataclass(frozen=True)
class Attempt:
    """An attempt; the fields hold Airflow's own ids."""

    dag: str
    run: str
    task: str
    """The task's id, followed by `_<map index>` if it is mapped. Airflow's task states use the same key."""
    number: int
    """Airflow's try_number; the first attempt is 1."""

    @classmethod
    def of(cls, context: Context) -> "Attempt":
        """Return the attempt of this context."""
        ti = context["ti"]
        mapped = ti.map_index is not None and ti.map_index >= 0
        return cls(ti.dag_id, ti.run_id, f"{ti.task_id}_{ti.map_index}" if mapped else ti.task_id, ti.try_number)

    @classmethod
    def parse(cls, labels: dict[str, str]) -> "Attempt":
        """Return the attempt with these labels, which `attempt_labels` made."""
        return cls(labels["marquee.dag"], labels["marquee.run"], labels["marquee.task"], int(labels["marquee.try"]))

    def __str__(self) -> str:
        """Return the value of TASK_ATTEMPT: dag/run/task/number."""
        return f"{self.dag}/{self.run}/{self.task}/{self.number}"

    def task_labels(self) -> dict[str, str]:
        """Return the labels that all attempts of this task have."""
        return {**platform_label(), "marquee.task": self.task, "marquee.dag": self.dag, "marquee.run": self.run}

    def attempt_labels(self) -> dict[str, str]:
        """Return the labels that only this attempt has."""
        return {**self.task_labels(), "marquee.try": str(self.number)}


def platform_label() -> dict[str, str]:
    """Return the label that separates the containers of several platforms on one engine."""
    name = os.environ.get("MARQUEE_PLATFORM")
    if not name:
        raise ValueError("MARQUEE_PLATFORM is not set; give this platform's name, see .env.example")
    return {"marquee.platform": name}
