"""MLflow: runs and models in Postgres, artifacts in S3, served to clients by proxy so that they need no S3 keys."""

import os
import subprocess
from functools import partial

from infra.local.errors import StackError
from infra.local.part import Part
from infra.local.postgres import database_url
from infra.local.seaweedfs import BUCKET
from infra.local.secret_files import Secrets
from infra.local.settings import Settings
from infra.local.variables import base_variables, mlflow_uri, s3_variables
from infra.local.web import check_url

UPGRADE = """
import os
from mlflow.db import upgrade
upgrade.callback(os.environ["MLFLOW_BACKEND_STORE_URI"])
"""
"""`mlflow db upgrade` wants the database's URL, with its password, on the command line; this gives it by environment."""


def mlflow_part(settings: Settings, secrets: Secrets, stamp: str) -> Part:
    """Describe the server; `stamp` names the release of its environment, which decides whether the schema is to be upgraded."""
    layout = settings.layout
    python = layout.python("mlflow")
    where = ("--host", settings.bind_address, "--port", str(settings.mlflow_port), "--workers", "1")
    variables = {
        **s3_variables(settings, secrets),
        "MLFLOW_BACKEND_STORE_URI": database_url(settings, secrets, "mlflow", "postgresql+psycopg2"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # default on: ten more processes of 280 MB
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.read("mlflow_flask"),
    }
    return Part(
        name="mlflow",
        argv=(
            str(python),
            "-m",
            "mlflow",
            "server",
            *where,
            "--artifacts-destination",
            f"s3://{BUCKET}/mlflow",
            "--serve-artifacts",
        ),
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
    command = [str(settings.layout.python("mlflow")), "-c", UPGRADE]
    answer = subprocess.run(command, env={**base_variables(os.environ), **variables}, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise StackError(f"MLflow could not prepare its database: {answer.stderr.strip().splitlines()[-1]}")
    done.write_text(stamp)
