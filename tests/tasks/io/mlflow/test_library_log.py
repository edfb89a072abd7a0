"""MLflow's library writes no log lines of its own shape: they would have local times without a zone."""

import os
import subprocess
import sys
from pathlib import Path

from infra.platform.endpoints import local_endpoints
from infra.platform.environment import mlflow_client_variables
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings
from tests.log_shape import check_line

PROGRAM = """
import logging, sys
from tasks.io.json_log import start_log
start_log(sys.stdout, {"verb": "train_model"})
import mlflow
logging.getLogger("mlflow.tracking.fluent").info("not for people")
logging.getLogger("mlflow.tracking.fluent").warning("a warning")
"""


def test_a_warning_of_mlflow_has_the_shape_of_our_lines(tmp_path: Path) -> None:
    settings = Settings.model_validate({"marquee_home": tmp_path})
    settings.layout.make()
    variables = mlflow_client_variables(local_endpoints(settings, Secrets(settings.layout.secrets)))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "TZ": "Asia/Seoul", **variables}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    lines = [check_line(line) for line in done.stdout.splitlines()]
    library = [(line["level"], line["message"]) for line in lines if line["logger"].startswith("mlflow")]
    assert library == [("WARNING", "a warning")]
