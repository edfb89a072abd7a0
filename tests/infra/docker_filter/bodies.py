"""The body that DockerOperator 4.6.1 and docker-py 7.2 send for a task, as recorded, and ways to change it."""

import copy
import json
from typing import Any

from infra.docker_filter.policy.settings import Settings

SETTINGS = Settings(
    tasks_image="marquee/tasks:1", tasks_network="marquee_tasks", marquee_platform="marquee", task_memory_max=4 * 1024**3
)
TMP = "/tmp"  # noqa: S108  # in the container
SENT: dict[str, Any] = {
    "ExposedPorts": {},
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "AttachStdin": False,
    "AttachStdout": True,
    "AttachStderr": True,
    "Env": ["S3_BUCKET=marquee", "AWS_SECRET_ACCESS_KEY=canary=é\n"],
    "Cmd": ["python", "-m", "tasks.ingest_imdb", "--day", "2026-11-20"],
    "Image": "marquee/tasks:1",
    "NetworkDisabled": False,
    "HostConfig": {
        "Memory": 2147483648,
        "MemorySwap": 2147483648,
        "ReadonlyRootfs": True,
        "NetworkMode": "marquee_tasks",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PortBindings": {},
        "Ulimits": [],
        "LogConfig": {"Type": None, "Config": {}},
        "CpuShares": 1024,
        "Tmpfs": {TMP: "rw,noexec,nosuid,nodev,size=2g"},
        "PidsLimit": 512,
        "Init": True,
        "Mounts": [],
    },
    "Labels": {
        "marquee.platform": "marquee",
        "marquee.task": "ingest_imdb",
        "marquee.dag": "refresh_movies",
        "marquee.run": "manual__2026-11-23T21:08:28.734180+00:00",
        "marquee.try": "1",
    },
}
PASSED_ON = {
    **{name: value for name, value in SENT.items() if name != "ExposedPorts"},
    "HostConfig": {
        **{name: value for name, value in SENT["HostConfig"].items() if name not in {"PortBindings", "Ulimits", "Mounts"}},
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10485760", "max-file": "2"}},
        "Privileged": False,
        "AutoRemove": False,
    },
    "Labels": {**SENT["Labels"], "marquee.memory": "2147483648"},
    "StopTimeout": 10,
}
"""The body that the engine gets for SENT: without empty fields, with two defaults, the log's bound and the memory's label."""

ABSENT = object()


def changed(place: str, value: Any) -> bytes:
    """Return SENT with one place (`HostConfig.Binds`, or `Labels/marquee.try`) set to a value, or taken out if that is ABSENT."""
    body = copy.deepcopy(SENT)
    *parents, last = place.split("/") if "/" in place else place.split(".")
    part = body
    for name in parents:
        part = part[name]
    if value is ABSENT:
        del part[last]
    else:
        part[last] = value
    return json.dumps(body).encode()
