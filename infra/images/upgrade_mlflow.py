"""Brings MLflow's database to this release's schema; `mlflow db upgrade` wants the URL, password and all, on the command line."""

import os

from mlflow.db import upgrade

upgrade.callback(os.environ["MLFLOW_BACKEND_STORE_URI"])
