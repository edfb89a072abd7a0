"""Every setting the service reads, read once, from the environment."""

from pathlib import Path

from pydantic import AnyHttpUrl, Field, RedisDsn, SecretStr, TypeAdapter, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Names are those of the upstream tools where one exists; `.env.example` explains each."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, protected_namespaces=())

    redis_url: SecretStr
    """redis:// or rediss:// URL of the online features; its user needs to read only."""
    redis_timeout_seconds: float = Field(default=0.1, gt=0, le=5)
    """All the store's work for one answer must end within this time, or the answer is a 503."""

    mlflow_tracking_uri: str
    """http:// or https:// address of the MLflow server; artifacts come through it too."""
    model_cache_dir: Path = Path(".marquee/models")
    """Verified models are kept here, so that the service starts while MLflow is down."""
    model_poll_seconds: float = Field(default=5, gt=0)
    """How often the alias `champion` is looked up."""
    model_fetch_seconds: float = Field(default=120, gt=0)
    """A model that is not downloaded and tried within this time is given up, and tried again later."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)

    @field_validator("redis_url")
    @classmethod
    def check_redis_url(cls, value: SecretStr) -> SecretStr:
        """A wrong scheme stops the start, not the first request."""
        TypeAdapter(RedisDsn).validate_python(value.get_secret_value())
        return value

    @field_validator("mlflow_tracking_uri")
    @classmethod
    def check_mlflow_tracking_uri(cls, value: str) -> str:
        """The alias is polled by REST, which a file or database URI does not speak."""
        TypeAdapter(AnyHttpUrl).validate_python(value)
        return value.rstrip("/")
