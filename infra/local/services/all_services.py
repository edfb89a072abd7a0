"""The list of all services, in the order in which they are shown."""

from infra.local.environments import Environments
from infra.local.services.airflow import airflow_services
from infra.local.services.api import api_service
from infra.local.services.feast import feast_ui_service
from infra.local.services.mlflow import mlflow_service
from infra.local.services.postgres import postgres_service
from infra.local.services.seaweedfs import seaweedfs_service
from infra.local.services.sources import sources_service
from infra.local.services.valkey import valkey_service
from infra.local.supervision.service import Service
from infra.platform.endpoints import Endpoints
from infra.platform.environment import local_variables
from infra.platform.settings import Settings


def make_services(settings: Settings, endpoints: Endpoints, environments: Environments) -> list[Service]:
    """Return every service for these settings."""
    layout, stamp = settings.layout, environments.stamp
    tasks, serving = (local_variables(name, settings, endpoints) for name in ("tasks", "serving"))
    return [
        postgres_service(layout, endpoints, stamp("local")),
        valkey_service(layout, endpoints, settings.redis_maxmemory),
        seaweedfs_service(layout, endpoints),
        *([] if settings.sources == "live" else [sources_service(settings, endpoints.sources)]),
        mlflow_service(layout, endpoints, stamp("mlflow")),
        *airflow_services(layout, endpoints, tasks, stamp("airflow")),
        api_service(layout, endpoints, serving),
        feast_ui_service(layout, endpoints, tasks),
    ]
