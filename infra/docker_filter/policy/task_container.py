"""The only kind of container that may be created: a hardened task of this platform, within the limits of the settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from infra.docker_filter.policy.container_model import LogConfig, TaskContainer
from infra.docker_filter.policy.errors import Rejection
from infra.docker_filter.policy.settings import Settings
from infra.docker_filter.policy.strict_json import parse_json

MEMORY_LABEL = "marquee.memory"
"""Label with the memory limit in bytes, written by the filter alone. The engine's list of containers omits the limit."""
LOG_FILES = 2
UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True)
class NewTask:
    """A container to be created."""

    body: bytes
    memory: int
    """The memory limit in bytes."""
    fields: Mapping[str, str | int]
    """Log fields that name the attempt."""


def rebuild_create(body: bytes, settings: Settings) -> NewTask:
    """Return the container to create. Raise Rejection, naming the wrong field, if the body is not a task of this platform."""
    try:
        container = TaskContainer.model_validate(parse_json(body))
    except ValidationError as error:
        raise Rejection(_explain(error)) from None
    _check_settings(container, settings)
    _check_variables(container, settings)
    labels, memory = container.labels, container.host_config.memory
    rebuilt = container.model_dump(by_alias=True, exclude_none=True)
    rebuilt["Labels"][MEMORY_LABEL] = str(memory)
    rebuilt["HostConfig"]["LogConfig"] = {"Type": "json-file", "Config": _bound_log(container.host_config.log_config, settings)}
    fields: dict[str, str | int] = {
        "dag_id": labels.dag,
        "run_id": labels.run,
        "task_id": labels.task,
        "try": int(labels.attempt),
    }
    return NewTask(json.dumps(rebuilt).encode(), memory, fields)


def _bound_log(asked: LogConfig, settings: Settings) -> dict[str, str]:
    """Return the engine's log options: the client's if they stay within TASK_LOG_MAX bytes, else the largest allowed ones."""
    size, count = asked.config.max_size, asked.config.max_file
    if size and count and int(size[:-1]) * UNITS[size[-1]] * int(count) <= settings.task_log_max:
        return {"max-size": size, "max-file": count}
    return {"max-size": str(settings.task_log_max // LOG_FILES), "max-file": str(LOG_FILES)}


def _check_variables(container: TaskContainer, settings: Settings) -> None:
    for variable in container.env:
        name = variable.partition("=")[0]
        if not settings.allows_variable(name):
            raise Rejection(f"Env: {name:.60} is not one of the variables that a task may be given (TASK_VARIABLES)")


def _check_settings(container: TaskContainer, settings: Settings) -> None:
    host, labels = container.host_config, container.labels
    for name, value, wanted in (
        ("Image", container.image, settings.tasks_image),
        ("HostConfig.NetworkMode", host.network_mode, settings.tasks_network),
        ("Labels.marquee.platform", labels.platform, settings.marquee_platform),
        ("HostConfig.MemorySwap", host.memory_swap, host.memory),
    ):
        if value != wanted:
            raise Rejection(f"{name} is {value!a:.120}; it must be {wanted!r}")
    if host.memory > settings.task_memory_max:
        raise Rejection(f"HostConfig.Memory is {host.memory!a:.30}; it must not be above {settings.task_memory_max}")


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{_name(problem['loc'])}: {_describe(problem['type'], problem['msg'])}" for problem in problems[:5])


def _name(place: tuple[str | int, ...]) -> str:
    """Return the field that has the problem, escaped. Keys are the client's text and must not break a log line."""
    return ".".join(ascii(str(part)[:60]).strip("'\"") for part in place) or "the body"


def _describe(kind: str, message: str) -> str:
    return "may not be set" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
