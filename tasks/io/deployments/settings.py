"""The settings that the deployment functions need."""

from typing import Protocol

from pydantic import SecretStr

from tasks.io.postgres.lease import LeaseSettings
from tasks.io.s3.bucket import BucketSettings


class DeploymentSettings(LeaseSettings, BucketSettings, Protocol):
    """The settings this folder reads."""

    @property
    def feast_redis(self) -> SecretStr: ...
    @property
    def mlflow_tracking_uri(self) -> str: ...
    @property
    def world_url(self) -> str | None: ...
    @property
    def task_image(self) -> str | None: ...
    @property
    def keep_deployments(self) -> int: ...
