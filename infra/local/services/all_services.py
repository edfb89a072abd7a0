"""All parts of the platform, in the order in which they are shown."""

from infra.local.environments import Environments
from infra.local.services.airflow import airflow_parts
from infra.local.services.api import api_part
from infra.local.services.feast import feast_ui_part
from infra.local.services.mlflow import mlflow_part
from infra.local.services.postgres import postgres_part
from infra.local.services.seaweedfs import seaweedfs_part
from infra.local.services.sources import sources_part
from infra.local.services.valkey import valkey_part
from infra.local.supervision.service import Part
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings


def make_parts(settings: Settings, secrets: Secrets, environments: Environments) -> list[Part]:
    """Describe every part under these settings."""
    return [
        postgres_part(settings, secrets, environments.stamp("local")),
        valkey_part(settings, secrets),
        seaweedfs_part(settings, secrets),
        *([] if settings.sources == "live" else [sources_part(settings, secrets)]),
        mlflow_part(settings, secrets, environments.stamp("mlflow")),
        *airflow_parts(settings, secrets, environments.stamp("airflow")),
        api_part(settings, secrets),
        feast_ui_part(settings, secrets),
    ]
