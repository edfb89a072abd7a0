"""All settings of the tasks, read once from the environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of the tasks, with the names that upstream tools use where they exist; `.env.example` explains each."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    task_attempt: str | None = Field(default=None, pattern=r"^(.+/[1-9][0-9]{0,8})?$")
    """The attempt as dag/run/task/try; absent if a person runs the verb by hand."""

    task_image: str | None = Field(default=None, pattern=r"^[^\s]*$")
    """The image of the task's container as name@digest, or its name alone if the digest is not known; absent in a process."""

    movies_database_url: SecretStr
    """libpq URL of the database with movies, ratings, credits and ledgers."""
    receipts_database_url: SecretStr | None = None
    """libpq URL of the database in which the API keeps the receipts of its predictions."""
    receipts_keep_days: int = Field(default=30, gt=0)
    """Older receipts are deleted by audit_skew."""
    skew_max_share: float = Field(default=0, ge=0, le=1)
    """The share of a feature's audited values that may differ online from offline; a larger one stops publishing."""
    feast_registry_url: SecretStr
    """SQLAlchemy URL (postgresql+psycopg://) of Feast's registry; the Iceberg catalog is in the same database."""
    feast_redis: SecretStr
    """Feast's connection string: host:port,username=…,password=…"""

    aws_endpoint_url_s3: str | None = None
    aws_access_key_id: SecretStr | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_region: str = "us-east-1"
    s3_bucket: str = "marquee"

    mlflow_tracking_uri: str
    mlflow_database_url: SecretStr | None = None
    """SQLAlchemy URL (postgresql+psycopg2://) of MLflow's database. Only remove_training_runs opens it: MLflow's server has no
    call that removes a deleted run for good."""
    keep_training_runs: int = Field(default=100, gt=0)
    """Newest runs of the training that are kept, beside those of versions that deployments and receipts need."""

    keep_deployments: int = Field(default=5, gt=0)
    """Deployments that can be rolled back to: the parts of older ones are removed."""

    keep_snapshot_days: int = Field(default=7, gt=0)
    """Days whose snapshots of the offline store are kept, beside those of published feature sets, deployments and receipts."""

    keep_raw_days: int = Field(default=31, gt=0)
    """Days whose raw files of IMDb are kept, beside one day a month and the days of kept deployments."""

    world_url: str | None = None
    """Address at which the source server tells the day of the sample's world; absent for real sources, whose day is today."""

    imdb_base_url: str = "https://datasets.imdbws.com"
    tmdb_base_url: str = "https://api.themoviedb.org"
    tmdb_access_token: SecretStr | None = None
    tmdb_requests_per_second: float = Field(default=35, gt=0)
    tmdb_hours_per_run: float = Field(default=1, gt=0)
    """Hours for which one run asks TMDB for movies; the next run continues."""
