"""The variables each program of the platform finds in its environment; the names are the seams between them."""

import os
from collections.abc import Mapping

from infra.local.services.postgres import database_url
from infra.local.services.seaweedfs import BUCKET, REGION, credentials
from infra.local.services.valkey import BROKER_PREFIX, feast_redis, redis_url
from infra.platform.addresses import Addresses, on_loopback
from infra.platform.api_keys import api_keys_file
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings, read_passed_on

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM")
INHERITED_PREFIXES = ("SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
LOOPBACK = "127.0.0.1,localhost"
AIRFLOW_USER = "admin"


def base_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return all that a part inherits from the user's shell: no PYTHONPATH or PGHOST of theirs may lead it astray."""
    kept = {name: value for name, value in environment.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)}
    ours = ",".join(filter(None, (LOOPBACK, environment.get("no_proxy", environment.get("NO_PROXY", "")))))
    return {**kept, "no_proxy": ours, "NO_PROXY": ours, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def mlflow_uri(settings: Settings) -> str:
    return on_loopback(settings).mlflow


def s3_variables(where: Addresses, secrets: Secrets, name: str = "s3") -> dict[str, str]:
    """Return what reaches our object store as one of its identities."""
    keys = credentials(secrets, name)
    return {
        "AWS_ENDPOINT_URL_S3": where.s3,
        "AWS_ACCESS_KEY_ID": keys["accessKey"],
        "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "S3_BUCKET": BUCKET,
    }


def mlflow_client_variables(where: Addresses) -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": where.mlflow,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # Unset, the server's word decides, and it sends clients to the bucket itself, which the API's network does not reach.
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    }


def source_variables(settings: Settings, secrets: Secrets, where: Addresses) -> dict[str, str]:
    """Return where the sources are; live, the clients' own defaults hold, and no token means no TMDB."""
    if settings.sources == "live":
        token = settings.tmdb_access_token
        return {"TMDB_ACCESS_TOKEN": token.get_secret_value()} if token else {}
    ours = {"IMDB_BASE_URL": where.sources, "TMDB_BASE_URL": where.sources, "TMDB_ACCESS_TOKEN": secrets.read("sources_token")}
    # Our own server needs no courtesy, and answers for every film in one run.
    return {**ours, "TMDB_REQUESTS_PER_SECOND": "10000", "TMDB_REQUESTS_PER_RUN": "1000000000"}


def task_variables(settings: Settings, secrets: Secrets, where: Addresses) -> dict[str, str]:
    """Return what `python -m tasks.<verb>` and the feast CLI read, run where the servers are at these addresses."""
    registry = database_url(where.postgres, secrets, "feast", "postgresql+psycopg")
    return {
        **s3_variables(where, secrets),
        **source_variables(settings, secrets, where),
        **read_passed_on(dict(os.environ)),
        "MOVIES_DATABASE_URL": database_url(where.postgres, secrets, "movies"),
        "RECEIPTS_DATABASE_URL": database_url(where.postgres, secrets, "receipts"),
        "FEAST_REGISTRY_URL": registry,
        "FEAST_REDIS": feast_redis(where.redis, secrets),
        "FEAST_USAGE": "False",
        "PYICEBERG_CATALOG__MARQUEE__TYPE": "sql",
        "PYICEBERG_CATALOG__MARQUEE__URI": registry,
        "PYICEBERG_CATALOG__MARQUEE__WAREHOUSE": f"s3://{BUCKET}/offline",
        "PYICEBERG_CATALOG__MARQUEE__PY_IO_IMPL": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "PYICEBERG_CATALOG__MARQUEE__S3__ENDPOINT": where.s3,
        "PYICEBERG_CATALOG__MARQUEE__S3__REGION": REGION,
        # A thread that waits for another gives its core away: two cores are shared by the whole platform.
        "OMP_WAIT_POLICY": "PASSIVE",
        **mlflow_client_variables(where),
    }


def serving_variables(secrets: Secrets, where: Addresses) -> dict[str, str]:
    """Return what the API reads wherever it runs: Redis and the predictions in S3, both to read only, MLflow, its receipts."""
    return {
        **read_passed_on(dict(os.environ)),
        "REDIS_URL": redis_url(where.redis, secrets, "api"),
        **s3_variables(where, secrets, "s3_api"),
        "RECEIPTS_DATABASE_URL": database_url(where.postgres, secrets, "receipts"),
        **mlflow_client_variables(where),
    }


def mlflow_variables(secrets: Secrets, where: Addresses) -> dict[str, str]:
    """Return what MLflow's server reads."""
    return {
        **s3_variables(where, secrets),
        "MLFLOW_BACKEND_STORE_URI": database_url(where.postgres, secrets, "mlflow", "postgresql+psycopg2"),
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}/mlflow",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # default on: ten more processes of 280 MB
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.read("mlflow_flask"),
    }


def airflow_variables(secrets: Secrets, where: Addresses, api: str) -> dict[str, str]:
    """Return Airflow's configuration wherever it runs; `api` is the URL of its API server as tasks reach it."""
    configuration = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": secrets.read("airflow_fernet_key"),
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS, which may hang
        "CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{AIRFLOW_USER}:admin",
        "DATABASE__SQL_ALCHEMY_CONN": database_url(where.postgres, secrets, "airflow", "postgresql+psycopg2"),
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.read("airflow_secret_key"),
        "API_AUTH__JWT_SECRET": secrets.read("airflow_jwt_secret"),
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",  # at 0.1 it takes a fifth of a core for nothing; at 1 tasks wait
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",  # a killed task is noticed in a minute, not five
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",  # those of a killed scheduler start anew in a minute, not five
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {f"AIRFLOW__{name}": value for name, value in configuration.items()}


def celery_variables(secrets: Secrets, where: Addresses) -> dict[str, str]:
    """Return where CeleryExecutor and its workers meet: queues in Redis, results in Airflow's database."""
    return {
        "AIRFLOW__CELERY__BROKER_URL": redis_url(where.redis, secrets, "airflow"),
        "AIRFLOW__CELERY__RESULT_BACKEND": database_url(where.postgres, secrets, "airflow", "db+postgresql+psycopg2"),
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__GLOBAL_KEYPREFIX": BROKER_PREFIX,
    }


def local_variables(name: str, settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return the variables of the `tasks` or of `serving` as processes of the embedded stack."""
    where = on_loopback(settings)
    if name == "tasks":
        return {**task_variables(settings, secrets, where), "PYTHONPATH": str(REPOSITORY)}
    keys = api_keys_file(settings)
    return {
        **serving_variables(secrets, where),
        **({"API_KEYS_FILE": str(keys)} if keys.exists() else {}),
        "MODEL_CACHE_DIR": str(settings.layout.data / "models"),
        "CATALOGUE_CACHE_DIR": str(settings.layout.data / "catalogues"),
        "API_HOST": settings.bind_address,
        "API_PORT": str(settings.api_port),
        "GRPC_PORT": str(settings.grpc_port),
        "METRICS_PORT": str(settings.metrics_port),
        "API_WORKERS": str(settings.api_workers),
        "PYTHONPATH": str(REPOSITORY),
    }
