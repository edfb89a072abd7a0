"""Every setting the service reads, read once, from the environment."""

import re
from ipaddress import ip_network
from pathlib import Path

from limits import parse as parse_rate
from pydantic import AnyHttpUrl, Field, RedisDsn, SecretStr, TypeAdapter, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The service's settings; names are those of the upstream tools where one exists, and `.env.example` explains each."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, protected_namespaces=())

    redis_url: SecretStr
    """redis:// or rediss:// URL of the online features; its user needs read access only."""
    redis_timeout_seconds: float = Field(default=0.1, gt=0, le=5)
    """The reads of one answer must end within this time, or the answer falls back or is a 503."""

    mlflow_tracking_uri: str
    """http:// or https:// address of the MLflow server; artifacts come through it too."""
    deployment_cache_dir: Path = Path(".marquee/deployments")
    """Verified models and prediction databases are kept here, so that the service starts while every other service is down."""
    deployment_poll_seconds: float = Field(default=1, gt=0)
    """Between two reads of the live deployment in Redis."""
    artifact_fetch_seconds: float = Field(default=120, gt=0)
    """A model or prediction database that is not downloaded and verified within this time is given up, and tried again later."""

    features_max_age_seconds: float = Field(default=172_800, gt=0)
    """Older features are still used, and the answer says `stale`; they are made each night."""
    prediction_set_fallback: bool = True
    """Answer with the published prediction, labelled `degraded`, when the features cannot be read; false: with a 503."""
    s3_bucket: str | None = None
    """Where the prediction databases lie; boto3 reads AWS_* itself. None: there is no fallback and no search."""

    receipts_database_url: SecretStr | None = None
    """postgresql:// URL of the receipts; None: none are kept, and /readyz says so."""
    receipts_queue: int = Field(default=20_000, gt=0)
    """Maximum receipts that wait for Postgres; further ones are dropped and counted."""
    receipts_per_second: int = Field(default=2_000, gt=0)
    """Maximum receipts written per second and worker; under more load the queue fills, and the rest is dropped and counted."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    grpc_port: int = Field(default=50051, ge=0, le=65535)
    """On API_HOST; 0: no gRPC."""
    metrics_port: int = Field(default=9464, ge=0, le=65535)
    """One port for the metrics of all workers, on loopback, or on 0.0.0.0 where API_HOST is that. 0: no metrics."""
    api_workers: int = Field(default=1, ge=1, le=64)
    keep_alive_seconds: int = Field(default=75, gt=0, le=86_400)
    """Idle connections are closed after this time. It must be longer than the proxy's own limit, so that the proxy closes first
    and never sends a request into a closing connection: nginx keeps connections for 60 s, Google Cloud's balancers for 600 s."""
    max_in_flight: int = Field(default=512, gt=0)
    """Requests that one worker answers at the same time; one more is answered 503 at once."""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """The path prefix that a reverse proxy strips, as `/marquee`; the documentation pages and the OpenAPI document name it."""
    forwarded_allow_ips: str = ""
    """Addresses or networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by commas;
    `*`: any. Empty: none, and the caller's address is the connection's."""
    api_keys_file: Path | None = None
    """Lines of `name:sha256 of the key`; None: no key is needed."""
    rate_limit: str = ""
    """As `100/second` or `1000/minute`, for each key, or for each client address where there are no keys; empty: no limit."""
    cors_allowed_origins: str = ""
    """Origins whose pages may read the answers, separated by commas; empty: none."""

    @field_validator("redis_url")
    @classmethod
    def check_redis_url(cls, value: SecretStr) -> SecretStr:
        """Raise for a wrong scheme, so that it stops the start and not the first request."""
        TypeAdapter(RedisDsn).validate_python(value.get_secret_value())
        return value

    @field_validator("mlflow_tracking_uri")
    @classmethod
    def check_mlflow_tracking_uri(cls, value: str) -> str:
        """Raise unless it is an HTTP address: the alias is polled by REST, which a file or database does not offer."""
        TypeAdapter(AnyHttpUrl).validate_python(value)
        return value.rstrip("/")

    @field_validator("rate_limit")
    @classmethod
    def check_rate_limit(cls, value: str) -> str:
        """Raise for a limit that cannot be parsed, which would otherwise be no limit."""
        if value.strip():
            parse_rate(value)
        return value.strip()

    @field_validator("forwarded_allow_ips")
    @classmethod
    def check_forwarded_allow_ips(cls, value: str) -> str:
        """Raise unless each entry is an address or a network: a misspelt one would be trusted by nobody, without a word."""
        entries = [entry.strip() for entry in value.split(",") if entry.strip()]
        for entry in entries:
            if entry != "*":
                ip_network(entry, strict=False)
        return ",".join(entries)

    @field_validator("cors_allowed_origins")
    @classmethod
    def check_cors_allowed_origins(cls, value: str) -> str:
        """Raise for an origin with a path or without a scheme, which no browser ever sends."""
        for origin in filter(None, map(str.strip, value.split(","))):
            if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", origin):
                raise ValueError("an origin reads https://host or https://host:port, without a path")
        return value
