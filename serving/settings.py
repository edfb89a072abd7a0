"""All settings of the service, read once from the environment."""

import re
from ipaddress import ip_network
from pathlib import Path

from limits import parse as parse_rate
from pydantic import AnyHttpUrl, Field, RedisDsn, SecretStr, TypeAdapter, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The service's settings. A name follows the upstream tool where one exists; `.env.example` explains each setting."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, protected_namespaces=())

    redis_url: SecretStr
    """redis:// or rediss:// URL of the online features; its user needs read access only."""
    redis_timeout_seconds: float = Field(default=0.1, gt=0, le=5)
    """Time limit for the reads of one answer; after it, the answer is the published prediction or a 503."""

    mlflow_tracking_uri: str
    """http:// or https:// address of the MLflow server; artifacts are downloaded through it too."""
    deployment_cache_dir: Path = Path(".marquee/deployments")
    """Folder of verified models and prediction databases; with it the API starts while every other service is down."""
    deployment_poll_seconds: float = Field(default=1, gt=0)
    """Pause between two reads of the live deployment in Redis."""
    artifact_fetch_seconds: float = Field(default=120, gt=0)
    """Time limit to download and verify a model or prediction database; after it, the fetch stops and is retried later."""

    features_max_age_seconds: float = Field(default=172_800, gt=0)
    """Maximum age of fresh features, which are made each night; older ones are still used, and the answer says `stale`."""
    prediction_set_fallback: bool = True
    """If the features cannot be read, true answers with the published prediction, labelled `degraded`; false answers 503."""
    s3_bucket: str | None = None
    """Bucket of the prediction databases; boto3 reads AWS_* itself. None: there is no fallback and no search."""

    receipts_database_url: SecretStr | None = None
    """postgresql:// URL of the receipts; None: no receipts are kept, and /readyz says so."""
    receipts_queue: int = Field(default=20_000, gt=0)
    """Maximum receipts that wait for Postgres; more receipts are dropped and counted."""
    receipts_per_second: int = Field(default=2_000, gt=0)
    """Maximum receipts written per second and worker; under more load the queue fills, and receipts are dropped and counted."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    grpc_port: int = Field(default=50051, ge=0, le=65535)
    """Port of gRPC on API_HOST; 0: no gRPC."""
    metrics_port: int = Field(default=9464, ge=0, le=65535)
    """Port of the metrics of all workers, on loopback, or on all addresses when API_HOST is 0.0.0.0 or ::. 0: no metrics."""
    api_workers: int = Field(default=1, ge=1, le=64)
    keep_alive_seconds: int = Field(default=75, gt=0, le=86_400)
    """Idle connections are closed after this time. It must be longer than the proxy's own limit, so that the proxy closes first
    and never sends a request into a closing connection: nginx keeps connections for 60 s, Google Cloud's balancers for 600 s."""
    max_in_flight: int = Field(default=512, gt=0)
    """Maximum requests that one worker answers at the same time; the next request gets a 503 at once."""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path prefix that a reverse proxy strips, such as `/marquee`; the documentation pages and the OpenAPI document use it."""
    forwarded_allow_ips: str = ""
    """Addresses or networks of trusted proxies, separated by commas: their X-Forwarded-For and X-Forwarded-Proto are used.
    `*`: any. Empty: none, and the caller's address is the connection's, as it always is in gRPC."""
    api_keys_file: Path | None = None
    """File with a line `name:sha256 of the key` for each key; None: no key is needed."""
    rate_limit: str = ""
    """Limit such as `100/second` or `1000/minute` for each key, or for each client address without keys; empty: no limit."""
    cors_allowed_origins: str = ""
    """Origins whose pages may read the answers, separated by commas; empty: none."""

    @field_validator("redis_url")
    @classmethod
    def check_redis_url(cls, value: SecretStr) -> SecretStr:
        """Raise for a wrong scheme, so that the start fails and not the first request."""
        TypeAdapter(RedisDsn).validate_python(value.get_secret_value())
        return value

    @field_validator("mlflow_tracking_uri")
    @classmethod
    def check_mlflow_tracking_uri(cls, value: str) -> str:
        """Raise unless it is an HTTP address: the child that fetches models reads the registry through MLflow's REST API."""
        TypeAdapter(AnyHttpUrl).validate_python(value)
        return value.rstrip("/")

    @field_validator("rate_limit")
    @classmethod
    def check_rate_limit(cls, value: str) -> str:
        """Raise for a limit that cannot be parsed; it would otherwise limit nothing."""
        if value.strip():
            parse_rate(value)
        return value.strip()

    @field_validator("forwarded_allow_ips")
    @classmethod
    def check_forwarded_allow_ips(cls, value: str) -> str:
        """Raise unless each entry is an address or a network: uvicorn would silently ignore a misspelt entry."""
        entries = [entry.strip() for entry in value.split(",") if entry.strip()]
        for entry in entries:
            if entry != "*":
                ip_network(entry, strict=False)
        return ",".join(entries)

    @field_validator("cors_allowed_origins")
    @classmethod
    def check_cors_allowed_origins(cls, value: str) -> str:
        """Raise for an origin with a path or without a scheme, because no browser sends such an origin."""
        for origin in filter(None, map(str.strip, value.split(","))):
            if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", origin):
                raise ValueError("an origin reads https://host or https://host:port, without a path")
        return value
