"""The allowed calls of the engine's API, and the request that the filter makes of each. Does no I/O."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from infra.docker_filter.policy.errors import Rejection
from infra.docker_filter.policy.filters import force_image, force_platform
from infra.docker_filter.policy.settings import Settings
from infra.docker_filter.policy.task_container import NewTask, rebuild_create

PATH = re.compile(
    r"(?P<version>/v1\.[4-9][0-9])?"  # before 1.40 the engine reads some limits differently
    r"(?:/containers/(?P<id>[0-9a-f]{12,64})(?P<act>/[a-z]+)?|(?P<plain>/[a-z_]+(?:/[a-z]+)?))"
)
BIT = "[01]"
BOOLEAN = "0|1|true|false|True|False"
TIME = r"[0-9]{1,12}(\.[0-9]{1,9})?"
CREATE = "POST /containers/create"
ATTACH = "POST /containers/{id}/attach"

ROUTES: Mapping[str, Mapping[str, str]] = {
    "GET /_ping": {},
    "HEAD /_ping": {},
    "GET /version": {},
    "GET /images/json": {"only_ids": BIT, "all": BIT, "filters": "(?s:.*)"},
    "GET /containers/json": {"all": BIT, "limit": "-1", "size": "0", "trunc_cmd": BIT, "filters": "(?s:.*)"},
    CREATE: {},  # no `name`: it becomes a host name in the tasks' network and could imitate a database
    "GET /containers/{id}/json": {},
    "GET /containers/{id}/logs": {
        **dict.fromkeys(("stdout", "stderr", "timestamps", "follow"), BIT),
        "tail": "all|[0-9]{1,9}",
        "since": TIME,
        "until": TIME,
    },
    "POST /containers/{id}/start": {},
    "POST /containers/{id}/stop": {"t": "[0-9]{1,3}"},
    "POST /containers/{id}/kill": {"signal": "[0-9]{1,2}|(SIG)?[A-Z]{2,6}[12]?"},
    "POST /containers/{id}/wait": {"condition": "not-running|next-exit|removed"},
    ATTACH: dict.fromkeys(("logs", "stream", "stdout", "stderr"), BIT),
    "DELETE /containers/{id}": {"force": BOOLEAN, "v": BOOLEAN, "link": "0|false|False"},
}
"""The calls that DockerOperator and the sweeper make. Each maps its parameters to a pattern for their values."""

FORCED = {"GET /images/json": force_image, "GET /containers/json": force_platform}


@dataclass(frozen=True)
class Call:
    """A request to the engine, rebuilt from the client's request."""

    method: str
    path: str
    """The path, with {id} in place of the container's full id."""
    query: str
    body: bytes
    container: str | None
    """Id of a container, or its beginning. The caller must still check that the container is a task of this platform."""
    upgrade: bool
    creates: NewTask | None = None
    """The container to create, if the call creates one."""

    @property
    def changes(self) -> bool:
        """Return True if the call changes something on the engine."""
        return self.method not in {"GET", "HEAD"}

    def target(self, container_id: str) -> str:
        """Return the path and query for a container."""
        return self.path.replace("{id}", container_id) + (f"?{self.query}" if self.query else "")


def decide(method: str, target: str, body: bytes, settings: Settings) -> Call:
    """Return the call to make for a request. Raise Rejection if the request is not allowed."""
    path, _, query = target.partition("?")
    found = PATH.fullmatch(path)
    if found is None:
        raise Rejection("a task's runner does not use this path (no percent-encoding, ids in lower case, API 1.40 or later)")
    plain = found["plain"] or "/containers/{id}" + (found["act"] or "")
    route = f"{method} {plain}"
    if route not in ROUTES:
        raise Rejection("tasks do not need this call")
    if body and route != CREATE:
        raise Rejection("this call has no body")
    parameters = _read_query(query, ROUTES[route])
    if route in FORCED:
        parameters["filters"] = json.dumps(FORCED[route](parameters.get("filters", "{}"), settings))
    new_task = rebuild_create(body, settings) if route == CREATE else None
    return Call(
        method=method,
        path=(found["version"] or "") + plain,
        query=urlencode(parameters),
        body=new_task.body if new_task else b"",
        container=found["id"],
        upgrade=route == ATTACH,
        creates=new_task,
    )


def _read_query(query: str, allowed: Mapping[str, str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") if query else []
    except ValueError:
        raise Rejection("the query is not name=value&…") from None
    for name, value in pairs:
        if name not in allowed:
            known = f"its parameters are {', '.join(allowed)}" if allowed else "it takes none"
            raise Rejection(f"this call has no parameter {name!a:.60}; {known}")
        if not re.fullmatch(allowed[name], value):
            raise Rejection(f"parameter {name} is {value!a:.60}; it must match {allowed[name]}")
    if len(dict(pairs)) != len(pairs):
        raise Rejection("a parameter is repeated")
    return dict(pairs)
