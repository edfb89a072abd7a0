"""The environment variables of the servers that are not ours: MLflow, Airflow and Celery."""

import os

from infra.platform.accounts import AIRFLOW_USER, BROKER_PREFIX, BUCKET
from infra.platform.endpoints import Endpoints
from infra.platform.environment import no_proxy_variables, s3_variables


def mlflow_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that MLflow's server reads."""
    return {
        **no_proxy_variables(os.environ, endpoints.hosts),
        **s3_variables(endpoints),
        "MLFLOW_BACKEND_STORE_URI": endpoints.database_url("mlflow", "postgresql+psycopg2"),
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}/mlflow",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # by default it starts ten more processes of 280 MB
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",  # it cannot be turned off for people on this machine
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": endpoints.secrets.read("mlflow_flask"),
    }


def airflow_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the part of Airflow's configuration that is the same in every form of the platform."""
    secrets = endpoints.secrets
    configuration = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": secrets.read("airflow_fernet_key"),
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS, which may hang
        "CORE__EXECUTION_API_SERVER_URL": f"{endpoints.airflow.url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{AIRFLOW_USER}:admin",
        "DATABASE__SQL_ALCHEMY_CONN": endpoints.database_url("airflow", "postgresql+psycopg2"),
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.read("airflow_secret_key"),
        "API_AUTH__JWT_SECRET": secrets.read("airflow_jwt_secret"),
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",  # a file that changed is parsed at once, the others for what they import
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",  # at 0.1 idling takes a fifth of a core; at 1 tasks start late
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",  # a killed task is noticed in a minute, not five
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",  # tasks of a killed scheduler restart in a minute, not five
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        **no_proxy_variables(os.environ, endpoints.hosts),
        **{f"AIRFLOW__{name}": value for name, value in configuration.items()},
        # Not of Airflow's configuration: Airflow takes its database's address from a task, and the task clean_airflow needs it.
        "AIRFLOW_DATABASE_URL": configuration["DATABASE__SQL_ALCHEMY_CONN"],
    }


def celery_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the addresses for CeleryExecutor and its workers: queues in Redis, results in Airflow's database."""
    return {
        "AIRFLOW__CELERY__BROKER_URL": endpoints.redis_url("airflow"),
        "AIRFLOW__CELERY__RESULT_BACKEND": endpoints.database_url("airflow", "db+postgresql+psycopg2"),
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__GLOBAL_KEYPREFIX": BROKER_PREFIX,
    }
