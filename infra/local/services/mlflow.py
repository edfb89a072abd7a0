"""MLflow: runs and models in Postgres, artifacts in S3, served to clients by proxy so that they need no S3 keys."""

import os
import subprocess
from functools import partial

from infra.local.supervision.service import Part
from infra.platform.addresses import on_loopback
from infra.platform.environment import base_variables, mlflow_uri, mlflow_variables
from infra.platform.errors import StackError
from infra.platform.http import check_url
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

UPGRADE = REPOSITORY / "infra" / "images" / "upgrade_mlflow.py"


def mlflow_part(settings: Settings, secrets: Secrets, stamp: str) -> Part:
    """Describe the server; `stamp` names the release of its environment, which decides whether the schema is to be upgraded."""
    layout = settings.layout
    python = layout.python("mlflow")
    where = ("--host", settings.bind_address, "--port", str(settings.mlflow_port), "--workers", "1")
    variables = mlflow_variables(secrets, on_loopback(settings))
    return Part(
        name="mlflow",
        argv=(str(python), "-m", "mlflow", "server", *where, "--serve-artifacts"),
        check=partial(check_url, f"{mlflow_uri(settings)}/health"),
        environment=variables,
        needs=("postgres", "s3"),
        ports=((settings.bind_address, "MLFLOW_PORT", settings.mlflow_port),),
        url=mlflow_uri(settings),
        directory=layout.run,
        prepare=partial(upgrade_schema, settings, stamp, variables),
        environment_name="mlflow",
        sweep="",
    )


def upgrade_schema(settings: Settings, stamp: str, variables: dict[str, str]) -> None:
    """Bring the database to the schema of this release of MLflow, once a release."""
    done = settings.layout.data / "mlflow_schema"
    if done.exists() and done.read_text() == stamp:
        return
    command = [str(settings.layout.python("mlflow")), str(UPGRADE)]
    answer = subprocess.run(command, env={**base_variables(os.environ), **variables}, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise StackError(f"MLflow could not prepare its database: {answer.stderr.strip().splitlines()[-1]}")
    done.write_text(stamp)
