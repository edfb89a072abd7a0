"""All settings of the platform itself, read once from the environment and `.env`."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, Layout
from infra.platform.ports import S3_PORTS, find_free_ports

ENV_FILE = REPOSITORY / ".env"
MAX_WORKERS = 64


class Settings(BaseSettings):
    """The platform's settings. Each is read from the variable of the same name in upper case; `.env.example` explains them."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_file=ENV_FILE)

    marquee_home: Path = REPOSITORY / ".marquee"
    """Folder of secrets, data, logs and run files."""
    sources: str = "sample"
    """`sample`, `live`, or a folder with the sources' files."""
    sample_films: int = Field(default=20_000, ge=100)
    """Movies in the synthetic sample of `SOURCES=sample`, when its world began.

    The name says films, not movies, because existing .env files set it: under a new name their value would be ignored, and the
    platform would refuse its own data as those of another sample.
    """
    sample_seed: int = Field(default=1, ge=0)
    """Another seed makes another world."""
    sample_scenario: Literal["none", "drift", "broken_ingest", "newcomers"] = "none"
    """A course of events for the sample's world, from its next day on."""
    tmdb_access_token: SecretStr | None = None
    """TMDB's v4 token, for `SOURCES=live` alone."""
    bind_address: str = "127.0.0.1"
    """Address that the API, Airflow and MLflow listen on. The Feast UI asks for no password and stays on loopback."""
    bind_stores: str = "127.0.0.1"
    """Address of Postgres, Redis, S3 and the source server in containers; the embedded stack keeps them on loopback."""
    api_port: int = Field(default=8000, ge=1, le=65_535)
    grpc_port: int = Field(default=50_051, ge=1, le=65_535)
    """The API's port for gRPC."""
    metrics_port: int = Field(default=9464, ge=1, le=65_535)
    """The loopback port for the metrics of all the API's workers."""
    api_workers: int = Field(default=1, ge=1, le=MAX_WORKERS)
    """Processes of the API."""
    mlflow_port: int = Field(default=5000, ge=1, le=65_535)
    airflow_port: int = Field(default=8080, ge=1, le=65_535)
    feast_ui_port: int = Field(default=8889, ge=1, le=65_535)
    postgres_port: int = Field(default=5432, ge=1, le=65_535)
    redis_port: int = Field(default=6379, ge=1, le=65_535)
    redis_maxmemory: str = Field(default="1gb", pattern=r"^(0|[1-9][0-9]*(kb|mb|gb)?)$")
    """The memory that Redis may use for its data, as Redis writes it; 0 is no limit."""
    s3_port: int = Field(default=8333, ge=1, le=65_535 - S3_PORTS)
    """First of eight consecutive ports: SeaweedFS has four servers with two ports each."""
    sources_port: int = Field(default=8090, ge=1, le=65_535)

    @field_validator("marquee_home")
    @classmethod
    def absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("bind_address", "bind_stores")
    @classmethod
    def numeric(cls, address: str) -> str:
        """Return the IP address, because Compose can publish ports only on IP addresses."""
        return "127.0.0.1" if address == "localhost" else str(ip_address(address))

    @classmethod
    def read(cls) -> Self:
        """Read the settings. Raise StackError naming the first wrong one."""
        try:
            return cls()
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            name = str(problem["loc"][0]).upper()
            raise StackError(
                f"Setting {name} is wrong: {problem['msg']}. Correct it in the environment or in {ENV_FILE}."
            ) from None

    @classmethod
    def trial(cls, home: Path, **overrides: Any) -> Self:
        """Return settings for a temporary platform on free ports, without `.env`; for tests."""
        opened = ("api_port", "grpc_port", "mlflow_port", "airflow_port", "feast_ui_port")
        names = (*opened, "postgres_port", "redis_port", "sources_port", "metrics_port")
        *ports, s3_port = find_free_ports(len(names))
        values = {**dict(zip(names, ports, strict=False)), "s3_port": s3_port, "marquee_home": home, **overrides}
        return cls(_env_file=None, **values)

    @property
    def layout(self) -> Layout:
        return Layout(self.marquee_home)


PASSED_ON = (
    *("TMDB_REQUESTS_", "TMDB_HOURS_", "RECEIPTS_KEEP_DAYS", "SKEW_", "CATCH_UP_SINCE"),
    *("KEEP_DEPLOYMENTS", "KEEP_RAW_DAYS", "KEEP_TRAINING_RUNS", "KEEP_SNAPSHOT_DAYS", "KEEP_AIRFLOW_DAYS"),
    *("DEPLOYMENT_POLL_", "ARTIFACT_FETCH_", "REDIS_TIMEOUT_", "FEATURES_MAX_AGE_", "PREDICTION_SET_FALLBACK"),
    *("RECEIPTS_QUEUE", "RECEIPTS_PER_SECOND"),
    *("MAX_IN_FLIGHT", "RATE_LIMIT", "CORS_ALLOWED_ORIGINS", "KEEP_ALIVE_SECONDS", "ROOT_PATH", "FORWARDED_ALLOW_IPS"),
)
"""Prefixes of the user's variables that are passed to the DAGs, the tasks and the API, which read them themselves."""


def read_environment() -> dict[str, str]:
    """Return the variables of `.env` and the environment. The environment takes precedence."""
    return {**{name: value for name, value in dotenv_values(ENV_FILE).items() if value}, **os.environ}


def read_passed_on(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables to pass to the tasks and the API. The environment takes precedence over `.env`."""
    everything = {**{name: value for name, value in dotenv_values(ENV_FILE).items() if value}, **environment}
    return {name: value for name, value in everything.items() if name.startswith(PASSED_ON)}
