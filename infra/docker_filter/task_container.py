"""The one kind of container that may be created: a task of ours, hardened, as DockerOperator describes it.

The body that goes to the engine is written from these models, never copied from the client's: Go's decoder takes keys in any
case, so a key that is not listed here, in this spelling, is refused.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from infra.docker_filter.errors import Refusal
from infra.docker_filter.fields import Command, Empty, LabelText, TmpfsOptions, Variables
from infra.docker_filter.settings import Settings
from infra.docker_filter.strict_json import parse_json


class _Described(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_pascal, hide_input_in_errors=True)


class Tmpfs(_Described):
    tmp: TmpfsOptions = Field(alias="/tmp")  # noqa: S108  # a path in the container


class LogOptions(_Described):
    max_size: str | None = Field(default=None, alias="max-size", pattern=r"^[1-9][0-9]{0,3}[kmg]$")
    max_file: str | None = Field(default=None, alias="max-file", pattern=r"^[1-9][0-9]?$")


class LogConfig(_Described):
    type: Empty
    config: LogOptions = LogOptions()


class Labels(_Described):
    """By these the filter, the sweeper and people find a task's containers."""

    task: LabelText = Field(alias="marquee.task")
    platform: str = Field(alias="marquee.platform")
    dag: LabelText = Field(alias="marquee.dag")
    run: LabelText = Field(alias="marquee.run")
    attempt: str = Field(alias="marquee.try", pattern=r"^[1-9][0-9]{0,3}$")


class HostConfig(_Described):
    """Whatever has no default here is hardening that a task cannot do without."""

    network_mode: str
    memory: int = Field(gt=0)
    memory_swap: int
    pids_limit: int = Field(ge=1, le=1024)
    readonly_rootfs: Literal[True]
    cap_drop: list[Literal["ALL"]] = Field(min_length=1, max_length=1)
    security_opt: list[Literal["no-new-privileges", "no-new-privileges:true"]] = Field(min_length=1, max_length=1)
    init: Literal[True]
    tmpfs: Tmpfs
    cpu_shares: int = Field(default=1024, ge=2, le=262_144)
    log_config: LogConfig = LogConfig()
    privileged: Literal[False] = False
    auto_remove: Literal[False] = False
    mounts: Empty
    binds: Empty
    port_bindings: Empty
    ulimits: Empty


class TaskContainer(_Described):
    image: str
    cmd: Command
    env: Variables = []
    labels: Labels
    host_config: HostConfig
    stop_timeout: int = Field(default=10, ge=0, le=60)
    tty: Literal[False] = False
    open_stdin: Literal[False] = False
    stdin_once: Literal[False] = False
    attach_stdin: Literal[False] = False
    attach_stdout: bool = True
    attach_stderr: bool = True
    network_disabled: Literal[False] = False
    exposed_ports: Empty
    entrypoint: Empty
    networking_config: Empty
    user: Empty
    volumes: Empty
    working_dir: Empty


def rebuild_create(body: bytes, settings: Settings) -> bytes:
    """Return the body for the engine; raise Refusal naming what in the client's is not a task of this platform."""
    try:
        container = TaskContainer.model_validate(parse_json(body))
    except ValidationError as error:
        raise Refusal(_explain(error)) from None
    _check_ours(container, settings)
    return container.model_dump_json(by_alias=True, exclude_none=True).encode()


def _check_ours(container: TaskContainer, settings: Settings) -> None:
    host, labels = container.host_config, container.labels
    for name, given, wanted in (
        ("Image", container.image, settings.tasks_image),
        ("HostConfig.NetworkMode", host.network_mode, settings.tasks_network),
        ("Labels.marquee.platform", labels.platform, settings.marquee_platform),
        ("HostConfig.MemorySwap", host.memory_swap, host.memory),
    ):
        if given != wanted:
            raise Refusal(f"{name} is {given!a:.120}; it must be {wanted!r}")
    if host.memory > settings.task_memory_max:
        raise Refusal(f"HostConfig.Memory is {host.memory!a:.30}; it must not be above {settings.task_memory_max}")


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{_name(problem['loc'])}: {_say(problem['type'], problem['msg'])}" for problem in problems[:5])


def _name(place: tuple[str | int, ...]) -> str:
    """Keys are the client's own text: escaped, so that a log line stays one line."""
    return ".".join(ascii(str(part)[:60]).strip("'\"") for part in place) or "the body"


def _say(kind: str, message: str) -> str:
    return "may not be set" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
