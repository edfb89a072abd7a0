"""Every setting of the filter, read once, from the environment."""

from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BUILT_IN_NETWORKS = {"bridge", "default", "host", "none"}
GIB = 1024**3
MIB = 1024**2

TASK_VARIABLES = (
    "TASK_ATTEMPT MOVIES_DATABASE_URL* RECEIPTS_DATABASE_URL* FEAST_REGISTRY_URL* FEAST_REDIS* FEAST_USAGE* AWS_* S3_BUCKET* "
    "PYICEBERG_CATALOG__* RECEIPTS_KEEP_DAYS* SKEW_* KEEP_DEPLOYMENTS* MLFLOW_* IMDB_* TMDB_* OMP_* SSL_CERT_* REQUESTS_CA_* "
    "HTTP_PROXY* HTTPS_PROXY* NO_PROXY* http_proxy* https_proxy* no_proxy*"
)
"""Names that a task's container may be given, the same as dags/ hands on; a test compares the two."""


class Settings(BaseSettings):
    """The settings; their variables have the same names in upper case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    docker_socket: Path = Path("/var/run/docker.sock")
    filter_host: str = "127.0.0.1"
    """Address to listen on. Its clients may run the tasks' image: loopback, or all addresses of a network that only Airflow
    shares."""
    filter_port: int = Field(default=2375, ge=1, le=65_535)
    filter_connections_max: int = Field(default=128, ge=1)
    """Connections that may be open at once; a running task holds one."""
    filter_request_bytes_max: int = Field(default=4 * MIB, ge=128 * 1024)
    """Bytes that the requests of all connections may hold at once while they are read."""

    tasks_image: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$")
    """The one image that may run, compared as text: another tag of it is another image."""
    tasks_network: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """The one network that tasks may join."""
    marquee_platform: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    """Name of this platform. Two platforms on one engine have two names, and neither sees the other's containers."""
    task_memory_max: int = Field(default=8 * GIB, gt=0)
    """Bytes; a task must ask for a limit, and for at most this one."""
    tasks_max: int = Field(default=16, ge=1)
    """Containers of tasks that may exist at once, running or not."""
    tasks_memory_max: int = Field(default=16 * GIB, gt=0)
    """Bytes; the sum of the memory limits of all containers of tasks."""
    task_log_max: int = Field(default=20 * MIB, ge=64 * 1024)
    """Bytes of a container's output that the engine keeps."""
    task_variables: str = TASK_VARIABLES
    """Names of variables that a task may be given, separated by blanks; * stands for any characters at the end of a name."""

    @field_validator("tasks_network")
    @classmethod
    def check_tasks_network(cls, name: str) -> str:
        """Reject Docker's own networks: they lead to the host, or to containers of others."""
        if name in BUILT_IN_NETWORKS:
            raise ValueError(f"{name} is one of Docker's own networks; name a network made for the tasks")
        return name

    @field_validator("task_variables")
    @classmethod
    def check_task_variables(cls, patterns: str) -> str:
        """Reject patterns that would allow more than names with a known beginning."""
        for pattern in patterns.split():
            if not pattern.removesuffix("*").replace("_", "a").isalnum():
                raise ValueError(f"{pattern!r} is neither a name nor the beginning of a name followed by *")
        return patterns

    def allows_variable(self, name: str) -> bool:
        """Return whether a task may be given a variable of this name."""
        return any(fnmatchcase(name, pattern) for pattern in self.task_variables.split())
