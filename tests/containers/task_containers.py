"""Records the engine's view of each task container while something runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker


@dataclass(frozen=True)
class TaskContainers:
    """Task containers of one platform, in the order of the engine's events."""

    created: list[dict[str, str]] = field(default_factory=list)
    """The labels of each, its image and name among them."""
    inspected: list[dict[str, Any]] = field(default_factory=list)
    """The engine's description of each, as of its start."""


@contextmanager
def record_task_containers(engine: docker.DockerClient, project: str) -> Iterator[TaskContainers]:
    """Record the task containers that a compose project's Airflow creates within the block."""
    recorded = TaskContainers()
    events = engine.events(decode=True, filters={"event": ["create", "start"], "label": f"marquee.platform={project}"})

    def record() -> None:
        for event in events:
            if event["Action"] == "create":
                recorded.created.append(event["Actor"]["Attributes"])
            else:
                recorded.inspected.append(engine.api.inspect_container(event["id"]))

    reader = threading.Thread(target=record, daemon=True)
    reader.start()
    try:
        yield recorded
    finally:
        events.close()
