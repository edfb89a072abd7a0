"""The prediction API: a process of the `serving` environment that reads Redis, S3 and MLflow and writes receipts."""

from collections.abc import Mapping
from functools import partial

from infra.local.supervision.service import Service
from infra.platform.connections import check_url
from infra.platform.endpoints import Endpoints
from infra.platform.layout import REPOSITORY, Layout


def api_service(layout: Layout, endpoints: Endpoints, variables: Mapping[str, str]) -> Service:
    """Return the service. It is healthy once /livez answers; /readyz needs the first model, which may not exist yet.

    It needs no other service to start, because it answers from its local copies while the stores are down.
    """
    return Service(
        name="api",
        argv=(str(layout.python("serving")), "-m", "serving"),
        check=partial(check_url, f"{endpoints.api.url}/livez"),
        environment=variables,
        listens=(endpoints.api, endpoints.grpc, endpoints.metrics),
        url=f"{endpoints.api.url}/docs",
        directory=REPOSITORY,
        environment_name="serving",
    )
