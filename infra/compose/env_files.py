"""The 0600 files with each container's variables. Compose does not start without them."""

import json
import os
from pathlib import Path

from infra.compose.interpolation import has_worker_alone, quote
from infra.compose.object_store import admin_s3, chosen_s3, own_s3
from infra.platform.accounts import AIRFLOW_USER, POSTGRES_ADMIN, render_redis_users, role_passwords
from infra.platform.api_keys import api_keys_file
from infra.platform.endpoints import Endpoints, compose_endpoints, remote_endpoints
from infra.platform.environment import no_proxy_variables, serving_variables, task_variables
from infra.platform.errors import StackError
from infra.platform.layout import make_folder
from infra.platform.secrets import Secrets, write_private
from infra.platform.server_environment import airflow_variables, celery_variables, mlflow_variables
from infra.platform.settings import Settings

PASSWORDS_FILE = "/opt/airflow/passwords.json"  # in the container, in memory


def env_folder(settings: Settings) -> Path:
    return settings.layout.home / "compose"


def write_env_files(settings: Settings, secrets: Secrets) -> Path:
    """Write one file for each service, and the file with Airflow's password for users; return the folder of the service files.

    The same settings and secrets give the same bytes. Raise StackError on a second host, whose files come from the first one.
    """
    folder = env_folder(settings)
    if has_worker_alone(settings):
        raise StackError(
            f"{folder} was copied from the first host, for a worker: `docker compose --profile worker up --detach` starts it. "
            f"To set up a platform of its own here, remove that folder first."
        )
    make_folder(folder, 0o700)
    for name, variables in make_variables(settings, secrets).items():
        write_private(folder / f"{name}.env", render(variables))
    write_private(settings.layout.airflow_passwords, json.dumps({AIRFLOW_USER: secrets.read("airflow_password")}))  # for users
    return folder


def write_worker_files(settings: Settings, secrets: Secrets, host: str) -> Path:
    """Write the files for a worker on a second host and return their folder. `host` is this host's address for the worker."""
    folder = settings.layout.home / "compose-worker"
    make_folder(folder, 0o700)
    endpoints = remote_endpoints(host, settings, secrets)
    tasks = {**task_variables(settings, endpoints), **(chosen_s3() or {})}
    for name, variables in {"airflow": make_airflow_variables(endpoints), "tasks": tasks}.items():
        write_private(folder / f"{name}.env", render({**variables, **make_no_proxy(endpoints)}))
    return folder


def make_airflow_variables(endpoints: Endpoints) -> dict[str, str]:
    return {
        **airflow_variables(endpoints),
        **celery_variables(endpoints),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": PASSWORDS_FILE,
    }


def make_variables(settings: Settings, secrets: Secrets) -> dict[str, dict[str, str]]:
    """Return the variables of each service. Our programs get the same ones as in the embedded stack, with other addresses."""
    endpoints = compose_endpoints(secrets)
    admin_password = secrets.read(f"postgres_{POSTGRES_ADMIN}")
    s3 = chosen_s3() or {}
    services = {
        "postgres": {
            "POSTGRES_PASSWORD": admin_password,
            "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8",
        },
        "redis": {"REDIS_USERS": "\n".join(render_redis_users(secrets))},
        "s3": own_s3(secrets),
        "setup": {
            "POSTGRES_ADMIN_URL": endpoints.database_url(POSTGRES_ADMIN),
            **{f"SETUP_ROLE_{role.upper()}": password for role, password in role_passwords(secrets).items()},
            **({} if s3 else admin_s3(endpoints)),
        },
        "mlflow": {**mlflow_variables(endpoints), **s3},
        "airflow": make_airflow_variables(endpoints),
        "airflow-api": {"AIRFLOW_ADMIN_PASSWORD": secrets.read("airflow_password")},
        "tasks": {**task_variables(settings, endpoints), **s3},
        "api": {
            **serving_variables(endpoints),
            **{name: value for name, value in s3.items() if name.startswith("AWS_") or name == "S3_BUCKET"},
            **read_api_keys(secrets),
        },
    }
    return {name: {**variables, **make_no_proxy(endpoints)} for name, variables in services.items()}


def make_no_proxy(endpoints: Endpoints) -> dict[str, str]:
    """Return the exceptions from a proxy, for every container: Docker's client can be configured to give each one a proxy.

    They are the same everywhere, because a container that reads several files has those of the last one.
    """
    return no_proxy_variables(os.environ, (*endpoints.hosts, "docker-filter"))


def read_api_keys(secrets: Secrets) -> dict[str, str]:
    """Return the keys' digests, which api.sh writes to a file in the container, because it cannot read the 0600 file."""
    path = api_keys_file(secrets)
    return {"API_KEYS": path.read_text().strip()} if path.exists() else {}


def render(variables: dict[str, str]) -> str:
    """Return the variables as lines of a Compose env file."""
    return "".join(f"{name}={quote(name, value)}\n" for name, value in variables.items())
