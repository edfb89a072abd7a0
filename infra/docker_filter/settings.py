"""Every setting of the filter, read once, from the environment."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BUILT_IN_NETWORKS = {"bridge", "default", "host", "none"}


class Settings(BaseSettings):
    """Names are those of the environment in lower case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    docker_socket: Path = Path("/var/run/docker.sock")
    filter_host: str = "127.0.0.1"
    """Whoever reaches this address may run the tasks' image: loopback, or all of a network that only Airflow shares."""
    filter_port: int = Field(default=2375, ge=1, le=65_535)

    tasks_image: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$")
    """The one image that may run, compared as text: another tag of it is another image."""
    tasks_network: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """The one network that tasks may join."""
    marquee_platform: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    """Two platforms on one engine have two names, and never see each other's containers."""
    task_memory_max: int = Field(default=8 * 1024**3, gt=0)
    """Bytes; a task must ask for a limit, and for no more than this."""

    @field_validator("tasks_network")
    @classmethod
    def check_tasks_network(cls, name: str) -> str:
        """Docker's own networks lead to the host, or to containers that are not ours."""
        if name in BUILT_IN_NETWORKS:
            raise ValueError(f"{name} is one of Docker's own networks; name a network made for the tasks")
        return name
