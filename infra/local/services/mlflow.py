"""MLflow: runs and models in Postgres, artifacts in S3. MLflow proxies the artifacts, so its clients need no S3 keys."""

import os
import subprocess
from functools import partial

from infra.local.supervision.service import Service
from infra.platform.connections import check_url
from infra.platform.endpoints import EVERY_ADDRESS, LOOPBACK, Endpoint, Endpoints
from infra.platform.environment import base_variables
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, Layout, read_state, write_state
from infra.platform.server_environment import mlflow_variables

UPGRADE = REPOSITORY / "infra" / "images" / "upgrade_mlflow.py"


def mlflow_service(layout: Layout, endpoints: Endpoints, stamp: str) -> Service:
    """Return the service. `stamp` identifies the release of its environment; a new release upgrades the schema."""
    endpoint, variables = endpoints.mlflow, mlflow_variables(endpoints)
    options = ("--host", endpoint.bind, "--port", str(endpoint.port), "--workers", "1")
    return Service(
        name="mlflow",
        argv=(str(layout.python("mlflow")), "-m", "mlflow", "server", *options, *allow_hosts(endpoint), "--serve-artifacts"),
        check=partial(check_url, f"{endpoint.url}/health"),
        environment=variables,
        needs=("postgres", "s3"),
        listens=(endpoint,),
        url=endpoint.url,
        directory=layout.run,
        prepare=partial(upgrade_schema, layout, stamp, variables),
        environment_name="mlflow",
        sweep="",
    )


def allow_hosts(endpoint: Endpoint) -> tuple[str, ...]:
    """Return the option that makes MLflow accept requests to the address it listens on.

    By default it accepts only loopback's usual names and private addresses, to prevent DNS rebinding.
    """
    if endpoint.bind in {LOOPBACK, *EVERY_ADDRESS}:
        return ()
    return ("--allowed-hosts", f"localhost:*,{LOOPBACK}:*,{endpoint.netloc}")


def upgrade_schema(layout: Layout, stamp: str, variables: dict[str, str]) -> None:
    """Upgrade the database to this MLflow release's schema, once per release."""
    done = layout.data / "mlflow_schema"
    if read_state(done) == stamp:
        return
    command, environment = [str(layout.python("mlflow")), str(UPGRADE)], {**base_variables(os.environ), **variables}
    upgrade = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if upgrade.returncode:
        raise StackError(f"MLflow could not prepare its database: {last_line(upgrade)}")
    write_state(done, stamp)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the last line that a program printed: its errors if it printed any, else its output."""
    return (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}, no output").splitlines()[-1]
