"""All parts of the platform, in the order in which they are shown."""

from infra.local.airflow import airflow_parts
from infra.local.api import api_part
from infra.local.environments import Environments
from infra.local.feast import feast_ui_part
from infra.local.mlflow_server import mlflow_part
from infra.local.part import Part
from infra.local.postgres import postgres_part
from infra.local.seaweedfs import seaweedfs_part
from infra.local.secret_files import Secrets
from infra.local.settings import Settings
from infra.local.sources import sources_part
from infra.local.valkey import valkey_part


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
