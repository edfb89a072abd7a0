"""The environment variables of our own programs, the tasks and the API. They are the interface between the top-level folders."""

import os
from collections.abc import Iterable, Mapping

from infra.platform.accounts import BUCKET, REGION
from infra.platform.api_keys import api_keys_file
from infra.platform.endpoints import LOOPBACK, Endpoints
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings, read_passed_on

INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TERM"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
)
INHERITED_PREFIXES = ("SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def base_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a service inherits from the user's shell; not PYTHONPATH or PGHOST, which would mislead it.

    Its zone is UTC, as in a container, because most servers write the times of their logs without a zone.
    """
    kept = {name: value for name, value in environment.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)}
    return {**kept, **no_proxy_variables(environment, ()), "TZ": "UTC", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def no_proxy_variables(environment: Mapping[str, str], hosts: Iterable[str]) -> dict[str, str]:
    """Return NO_PROXY in both spellings: loopback, the hosts, and the user's own exceptions."""
    users = environment.get("no_proxy", environment.get("NO_PROXY", "")).split(",")
    names = ",".join(dict.fromkeys(filter(None, (LOOPBACK, "localhost", *hosts, *users))))
    return {"no_proxy": names, "NO_PROXY": names}


def s3_variables(endpoints: Endpoints, identity: str = "s3") -> dict[str, str]:
    """Return the variables for using our object store as one of its identities."""
    access_key, secret_key = endpoints.s3_keys(identity)
    return {
        "AWS_ENDPOINT_URL_S3": endpoints.s3.url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "S3_BUCKET": BUCKET,
    }


def mlflow_client_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that a client of MLflow reads."""
    return {
        "MLFLOW_TRACKING_URI": endpoints.mlflow.url,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_CONFIGURE_LOGGING": "false",  # by default it writes local times without a zone, past our log's shape
        # By default the server sends clients to the bucket itself, which the API's network cannot reach.
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    }


def source_variables(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """Return the addresses of the sources. For `live` the clients' defaults apply, and without a token TMDB is not used."""
    if settings.sources == "live":
        token = settings.tmdb_access_token
        return {"TMDB_ACCESS_TOKEN": token.get_secret_value()} if token else {}
    url = endpoints.sources.url
    return {
        **({"WORLD_URL": f"{url}/world"} if settings.sources == "sample" else {}),
        "IMDB_BASE_URL": url,
        "TMDB_BASE_URL": url,
        "TMDB_ACCESS_TOKEN": endpoints.secrets.read("sources_token"),
        "TMDB_REQUESTS_PER_SECOND": "10000",  # our own server needs no rate limit
    }


def task_variables(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that `python -m tasks.<verb>` and the feast CLI read."""
    registry = endpoints.database_url("feast", "postgresql+psycopg")
    return {
        **no_proxy_variables(os.environ, endpoints.hosts),
        **s3_variables(endpoints),
        **source_variables(settings, endpoints),
        **read_passed_on(dict(os.environ)),
        "MOVIES_DATABASE_URL": endpoints.database_url("movies"),
        "RECEIPTS_DATABASE_URL": endpoints.database_url("receipts"),
        "FEAST_REGISTRY_URL": registry,
        "FEAST_REDIS": endpoints.feast_redis(),
        "FEAST_USAGE": "False",
        "PYICEBERG_CATALOG__MARQUEE__TYPE": "sql",
        "PYICEBERG_CATALOG__MARQUEE__URI": registry,
        "PYICEBERG_CATALOG__MARQUEE__WAREHOUSE": f"s3://{BUCKET}/offline",
        "PYICEBERG_CATALOG__MARQUEE__PY_IO_IMPL": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "PYICEBERG_CATALOG__MARQUEE__S3__ENDPOINT": endpoints.s3.url,
        "PYICEBERG_CATALOG__MARQUEE__S3__REGION": REGION,
        # Waiting threads release their core, because the whole platform may share two cores.
        "OMP_WAIT_POLICY": "PASSIVE",
        **mlflow_client_variables(endpoints),
        "MLFLOW_DATABASE_URL": endpoints.database_url("mlflow", "postgresql+psycopg2"),
    }


def serving_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the API's variables in every form of the platform: read-only Redis and S3 predictions, MLflow, receipts."""
    return {
        **no_proxy_variables(os.environ, endpoints.hosts),
        **read_passed_on(dict(os.environ)),
        "REDIS_URL": endpoints.redis_url("api"),
        **s3_variables(endpoints, "s3_api"),
        "RECEIPTS_DATABASE_URL": endpoints.database_url("receipts"),
        **mlflow_client_variables(endpoints),
    }


def local_variables(name: str, settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """Return the variables of `tasks` or `serving` as processes of the embedded stack."""
    if name == "tasks":
        return {**task_variables(settings, endpoints), "PYTHONPATH": str(REPOSITORY)}
    keys = api_keys_file(endpoints.secrets)
    return {
        **serving_variables(endpoints),
        **({"API_KEYS_FILE": str(keys)} if keys.exists() else {}),
        "DEPLOYMENT_CACHE_DIR": str(settings.layout.data / "deployments"),
        "API_HOST": endpoints.api.bind,
        "API_PORT": str(endpoints.api.port),
        "GRPC_PORT": str(endpoints.grpc.port),
        "METRICS_PORT": str(endpoints.metrics.port),
        "API_WORKERS": str(settings.api_workers),
        "PYTHONPATH": str(REPOSITORY),
    }
