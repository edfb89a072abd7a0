"""Upgrades MLflow's database to this release's schema. `mlflow db upgrade` would expose the password as an argument."""

import os

from mlflow.db import upgrade

upgrade.callback(os.environ["MLFLOW_BACKEND_STORE_URI"])
