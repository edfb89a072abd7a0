"""The values that docker-compose.yml itself reads: profiles, the socket's group, the folder of the sources."""

import hashlib
import re
from pathlib import Path

from dotenv import dotenv_values

from infra.compose.object_store import chosen_s3
from infra.local.services.sources import source_folder
from infra.platform.accounts import POSTGRES_ADMIN
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import ENV_FILE, Settings, read_environment

SOCKET = Path("/var/run/docker.sock")
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
"""Pattern of the values that need no quotes."""


def make_interpolation(settings: Settings) -> dict[str, str]:
    """Return the values that depend on the settings and on this machine."""
    profiles = ["core", *([] if chosen_s3() else ["s3"]), *([] if settings.sources == "live" else ["sources"])]
    if has_worker_alone(settings):
        profiles = ["worker"]
    values = {
        "COMPOSE_PROFILES": ",".join(profiles),
        "DOCKER_GID": str(find_socket_group()),
        "MARQUEE_ID": platform_id(Secrets(settings.layout.secrets)),
    }
    if settings.sources in {"sample", "live"}:
        return values
    folder = str(source_folder(settings).resolve())
    if ":" in folder:
        raise StackError(f"SOURCES={settings.sources}: Docker mounts no folder with a colon in its path ({folder}); rename it.")
    return {**values, "SOURCES": folder, "SOURCES_FOLDER": folder}


def has_worker_alone(settings: Settings) -> bool:
    """Return True on a second host, whose folder has only the files that `make secrets ARGS=--for-worker` wrote."""
    folder = settings.layout.home / "compose"
    return (folder / "airflow.env").exists() and not (folder / "postgres.env").exists()


def platform_id(secrets: Secrets) -> str:
    """Return the label of this platform's volumes. It is derived from the secrets, because other secrets cannot open the data."""
    return hashlib.sha256(b"marquee volumes " + secrets.read(f"postgres_{POSTGRES_ADMIN}").encode()).hexdigest()[:16]


def find_socket_group() -> int:
    """Return the id of the group that may use the Docker socket."""
    socket = Path(read_environment().get("DOCKER_SOCKET", SOCKET))
    if not socket.exists():
        raise StackError(f"There is no Docker socket at {socket}: start Docker, or name its socket, DOCKER_SOCKET=/path.")
    return socket.stat().st_gid


def complete_env_file(settings: Settings, path: Path = ENV_FILE) -> list[str]:
    """Add to `.env` the missing values that plain `docker compose` needs, and return their names. Other lines stay."""
    held = dotenv_values(path)
    values = make_interpolation(settings)
    outdated = {name for name in held if name == "MARQUEE_ID" and held[name] != values[name]}
    lacking = {name: value for name, value in values.items() if name not in held or name in outdated}
    if lacking:
        lines = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in lines if line.partition("=")[0] not in outdated]
        added = [f"{name}={quote(name, value)}" for name, value in lacking.items()]
        write_private(path, "".join(f"{line}\n" for line in (*kept, *added)))
    return list(lacking)


def quote(name: str, value: str) -> str:
    """Return the value quoted for Compose and for python-dotenv. Raise StackError if the two would read it differently."""
    if "${" in value or any(character in "\\\r\0" for character in value):
        raise StackError(f"{name} may hold no backslash, carriage return or `${{`, which Compose would read as something else.")
    if PLAIN.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    if not set(value) & set('"$`'):
        return f'"{value}"'
    raise StackError(f"{name} may not hold a single quote together with a double quote, a backtick or a dollar sign.")
