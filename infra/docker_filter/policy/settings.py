"""All settings of the filter, read once from the environment."""

from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BUILT_IN_NETWORKS = {"bridge", "default", "host", "none"}
GIB = 1024**3
MIB = 1024**2

TASK_VARIABLES = (
    "TASK_ATTEMPT TASK_IMAGE MOVIES_DATABASE_URL* RECEIPTS_DATABASE_URL* FEAST_REGISTRY_URL* FEAST_REDIS* FEAST_USAGE* AWS_* "
    "S3_BUCKET* PYICEBERG_CATALOG__* RECEIPTS_KEEP_DAYS* SKEW_* KEEP_DEPLOYMENTS* KEEP_RAW_DAYS* "
    "KEEP_TRAINING_RUNS* KEEP_SNAPSHOT_DAYS* MLFLOW_* WORLD_URL* IMDB_* TMDB_* OMP_* "
    "SSL_CERT_* REQUESTS_CA_* HTTP_PROXY* HTTPS_PROXY* NO_PROXY* http_proxy* https_proxy* no_proxy*"
)
"""Names of the variables that a task's container may have. dags/ passes the same ones; a test compares the two lists."""


class Settings(BaseSettings):
    """The filter's settings. Each is read from the variable of the same name in upper case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    docker_socket: Path = Path("/var/run/docker.sock")
    filter_host: str = "127.0.0.1"
    """Address to listen on. Every client can start containers, so use loopback, or all addresses of a network that is shared
    with Airflow alone."""
    filter_port: int = Field(default=2375, ge=1, le=65_535)
    filter_connections_max: int = Field(default=128, ge=1)
    """Connections that may be open at once; a running task holds one."""
    filter_request_bytes_max: int = Field(default=4 * MIB, ge=128 * 1024)
    """Bytes that the requests of all connections may hold at once while they are read."""

    tasks_image: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$")
    """The only image that may run. It is compared as text, so another tag of it is another image."""
    tasks_network: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """The only network that tasks may join."""
    marquee_platform: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    """Name of this platform. Two platforms on one engine have two names, and neither sees the other's containers."""
    task_memory_max: int = Field(default=8 * GIB, gt=0)
    """Bytes. A task must set a memory limit, and this is the highest that it may set."""
    tasks_max: int = Field(default=16, ge=1)
    """Task containers that may exist at once, running or not."""
    tasks_memory_max: int = Field(default=16 * GIB, gt=0)
    """Bytes; the highest sum of the memory limits of all task containers."""
    task_log_max: int = Field(default=20 * MIB, ge=64 * 1024)
    """Bytes of a container's output that the engine keeps."""
    task_variables: str = TASK_VARIABLES
    """Names of variables that a task may have, separated by blanks. A * at the end of a name matches any characters. Empty: the
    default, because Compose passes a variable that is not set as an empty one."""

    @field_validator("tasks_network")
    @classmethod
    def check_tasks_network(cls, name: str) -> str:
        """Reject Docker's own networks: they reach the host or foreign containers."""
        if name in BUILT_IN_NETWORKS:
            raise ValueError(f"{name} is one of Docker's own networks; name a network made for the tasks")
        return name

    @field_validator("task_variables")
    @classmethod
    def check_task_variables(cls, patterns: str) -> str:
        """Return the patterns. Reject one that is neither a name nor a prefix followed by *."""
        for pattern in patterns.split():
            if not pattern.removesuffix("*").replace("_", "a").isalnum():
                raise ValueError(f"{pattern!r} is neither a name nor a prefix followed by *")
        return patterns.strip() or TASK_VARIABLES

    def allows_variable(self, name: str) -> bool:
        """Return True if a task may have a variable of this name."""
        return any(fnmatchcase(name, pattern) for pattern in self.task_variables.split())
