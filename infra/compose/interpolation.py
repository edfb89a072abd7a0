"""The values that docker-compose.yml itself reads: profiles, the socket's group, the folder of the sources."""

from pathlib import Path

from dotenv import dotenv_values

from infra.compose.object_store import chosen_s3
from infra.local.services.sources import source_folder
from infra.platform.errors import StackError
from infra.platform.secrets import write_private
from infra.platform.settings import ENV_FILE, Settings, read_environment

SOCKET = Path("/var/run/docker.sock")


def make_interpolation(settings: Settings) -> dict[str, str]:
    """Return what follows from the settings and this machine."""
    profiles = ["core", *([] if chosen_s3() else ["s3"]), *([] if settings.sources == "live" else ["sources"])]
    folder = str(source_folder(settings).resolve())
    films = {} if settings.sources in {"sample", "live"} else {"SOURCES": folder, "SOURCES_FOLDER": folder}
    return {"COMPOSE_PROFILES": ",".join(profiles), "DOCKER_GID": str(find_socket_group()), **films}


def find_socket_group() -> int:
    """Return the group that may use the Docker socket."""
    socket = Path(read_environment().get("DOCKER_SOCKET", SOCKET))
    if not socket.exists():
        raise StackError(f"There is no Docker socket at {socket}: start Docker, or name its socket, DOCKER_SOCKET=/path.")
    return socket.stat().st_gid


def complete_env_file(settings: Settings, path: Path = ENV_FILE) -> list[str]:
    """Add to `.env` what plain `docker compose` needs and it lacks; its own lines stay. Returns the names added."""
    held = dotenv_values(path)
    lacking = {name: value for name, value in make_interpolation(settings).items() if name not in held}
    if lacking:
        text = path.read_text() if path.exists() else ""
        lines = "".join(f"{name}={value}\n" for name, value in lacking.items())
        write_private(path, text + ("\n" if text and not text.endswith("\n") else "") + lines)
    return list(lacking)
