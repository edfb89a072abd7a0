"""The prediction API: a process of the `serving` environment, which sees Redis and S3 read-only, MLflow, and its receipts."""

from functools import partial

from infra.local.supervision.service import Part
from infra.platform.environment import local_variables
from infra.platform.http import check_url
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings


def api_uri(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.api_port}"


def api_part(settings: Settings, secrets: Secrets) -> Part:
    """Describe the server. It is up when it lives: ready it gets with the first model, which the pipeline has yet to make."""
    return Part(
        name="api",
        argv=(str(settings.layout.python("serving")), "-m", "serving"),
        check=partial(check_url, f"{api_uri(settings)}/livez"),
        environment=local_variables("serving", settings, secrets),
        needs=("redis",),
        ports=(
            (settings.bind_address, "API_PORT", settings.api_port),
            (settings.bind_address, "GRPC_PORT", settings.grpc_port),
            *(("127.0.0.1", "METRICS_PORT", settings.metrics_port + worker) for worker in range(settings.api_workers)),
        ),
        url=f"{api_uri(settings)}/docs",
        directory=REPOSITORY,
        environment_name="serving",
    )
