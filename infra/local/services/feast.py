"""The Feast UI, which shows the live feature set."""

from collections.abc import Mapping
from functools import partial

from infra.local.supervision.service import Service
from infra.platform.connections import check_url
from infra.platform.endpoints import Endpoints
from infra.platform.layout import REPOSITORY, Layout

FEATURE_REPO = REPOSITORY / "feature_repo"
UI = REPOSITORY / "infra" / "local" / "services" / "feast_ui.py"


def feast_ui_service(layout: Layout, endpoints: Endpoints, tasks: Mapping[str, str]) -> Service:
    """Return the service. A watcher runs the UI and restarts it when another feature set goes live."""
    endpoint = endpoints.feast_ui
    # -P: beside the script is our feast.py, which must not shadow the library.
    ui = (str(layout.python("tasks")), "-P", str(UI))
    return Service(
        name="feast-ui",
        argv=(str(layout.python("local")), "-m", "infra.local.services.feast_watch", endpoint.bind, str(endpoint.port), *ui),
        check=partial(check_url, endpoint.url),
        environment={**tasks, "REDIS_URL": endpoints.redis_url("api")},
        needs=("airflow-api", "mlflow"),  # it is slow to start, so the other services start first
        listens=(endpoint,),
        url=endpoint.url,
        directory=FEATURE_REPO,
        environment_name="tasks",
        sweep="",
    )
