"""One try of one task: what its leases are fenced by, and what its container or pod is found by."""

import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """Names a try as Airflow does."""

    dag: str
    run: str
    task: str
    """The task's id, and `_<map index>` if it is mapped: the key under which Airflow tells its state."""
    number: int
    """Of the try; the first is 1."""

    @classmethod
    def of(cls, context: Any) -> "Attempt":
        """Read the try that is being executed from its context."""
        ti = context["ti"]
        mapped = ti.map_index is not None and ti.map_index >= 0
        return cls(ti.dag_id, ti.run_id, f"{ti.task_id}_{ti.map_index}" if mapped else ti.task_id, ti.try_number)

    @classmethod
    def parse(cls, labels: dict[str, str]) -> "Attempt":
        """Read the labels of `labels_of_try` back."""
        return cls(labels["marquee.dag"], labels["marquee.run"], labels["marquee.task"], int(labels["marquee.try"]))

    def __str__(self) -> str:
        """Render the value of TASK_ATTEMPT."""
        return f"{self.dag}/{self.run}/{self.task}/{self.number}"

    def labels(self) -> dict[str, str]:
        """Return the labels that every try of this task carries."""
        return {**platform(), "marquee.task": self.task, "marquee.dag": self.dag, "marquee.run": self.run}

    def labels_of_try(self) -> dict[str, str]:
        """Return the labels that this try alone carries."""
        return {**self.labels(), "marquee.try": str(self.number)}


def platform() -> dict[str, str]:
    """Return the label by which two platforms on one engine leave each other's containers alone."""
    name = os.environ.get("MARQUEE_PLATFORM")
    if not name:
        raise ValueError("MARQUEE_PLATFORM is not set; name the platform whose containers these are, see .env.example")
    return {"marquee.platform": name}
