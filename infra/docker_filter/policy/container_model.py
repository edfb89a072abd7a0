"""The fields of a task's container, as DockerOperator sends them. Any other field or spelling is rejected.

Go's JSON decoder ignores the case of keys, so the filter writes the body for the engine from these models.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from infra.docker_filter.policy.fields import Command, Empty, LabelText, TmpfsOptions, Variables


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
    """The labels of a task's container. The filter, the sweeper and operators find containers by them."""

    task: LabelText = Field(alias="marquee.task")
    platform: str = Field(alias="marquee.platform")
    dag: LabelText = Field(alias="marquee.dag")
    run: LabelText = Field(alias="marquee.run")
    attempt: str = Field(alias="marquee.try", pattern=r"^[1-9][0-9]{0,3}$")


class HostConfig(_Described):
    """Limits and hardening of a container. The client must send every field that has no default here."""

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
