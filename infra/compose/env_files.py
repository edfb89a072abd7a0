"""The variables of each service in containers, as 0600 files that compose reads and refuses to start without."""

from pathlib import Path

from infra.compose.object_store import admin_s3, given_s3, own_s3
from infra.local.services.postgres import ADMIN, role_passwords
from infra.local.services.valkey import render_users
from infra.platform.addresses import IN_COMPOSE, Addresses, on_host
from infra.platform.api_keys import api_keys_file
from infra.platform.environment import airflow_variables, celery_variables, mlflow_variables, serving_variables, task_variables
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import Settings

PASSWORDS_FILE = "/opt/airflow/passwords.json"  # where the container keeps it, in memory


def env_folder(settings: Settings) -> Path:
    return settings.layout.home / "compose"


def write_env_files(settings: Settings, secrets: Secrets) -> Path:
    """Write one file a service; the same settings and secrets give the same bytes. Returns their folder."""
    folder = env_folder(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, variables in make_variables(settings, secrets).items():
        write_private(folder / f"{name}.env", render(variables))
    return folder


def write_worker_files(settings: Settings, secrets: Secrets, host: str) -> Path:
    """Write what a second host's worker reads, which reaches this one's platform as `host`; returns the folder."""
    folder = settings.layout.home / "compose-worker"
    folder.mkdir(mode=0o700, exist_ok=True)
    where = on_host(host, settings)
    write_private(folder / "airflow.env", render(make_airflow_variables(secrets, where)))
    write_private(folder / "tasks.env", render({**task_variables(settings, secrets, where), **(given_s3() or {})}))
    return folder


def make_airflow_variables(secrets: Secrets, where: Addresses) -> dict[str, str]:
    return {
        **airflow_variables(secrets, where, where.airflow),
        **celery_variables(secrets, where),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": PASSWORDS_FILE,
    }


def make_variables(settings: Settings, secrets: Secrets) -> dict[str, dict[str, str]]:
    """Return the variables of each service; those of the programs are the embedded stack's own, at other addresses."""
    admin = f"postgresql://{ADMIN}:{secrets.read('postgres_postgres')}@{IN_COMPOSE.postgres}/{ADMIN}"
    s3 = given_s3() or {}
    return {
        "postgres": {
            "POSTGRES_PASSWORD": secrets.read("postgres_postgres"),
            "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8",
        },
        "redis": {"REDIS_USERS": "\n".join(render_users(secrets))},
        "s3": own_s3(secrets),
        "setup": {
            "POSTGRES_ADMIN_URL": admin,
            **{f"SETUP_ROLE_{role.upper()}": password for role, password in role_passwords(secrets).items()},
            **({} if s3 else admin_s3(secrets)),
        },
        "mlflow": {**mlflow_variables(secrets, IN_COMPOSE), **s3},
        "airflow": make_airflow_variables(secrets, IN_COMPOSE),
        "airflow-api": {"AIRFLOW_ADMIN_PASSWORD": secrets.read("airflow_password")},
        "tasks": {**task_variables(settings, secrets, IN_COMPOSE), **s3},
        "api": {
            **serving_variables(secrets, IN_COMPOSE),
            **{name: value for name, value in s3.items() if name.startswith("AWS_") or name == "S3_BUCKET"},
            **read_api_keys(settings),
        },
    }


def read_api_keys(settings: Settings) -> dict[str, str]:
    """Return the digests that infra/compose/api.sh makes the API's file of: it could not read one that is ours alone."""
    path = api_keys_file(settings)
    return {"API_KEYS": path.read_text().strip()} if path.exists() else {}


def render(variables: dict[str, str]) -> str:
    """Return lines that compose takes literally; no value of ours holds a single quote."""
    wrong = [name for name, value in variables.items() if "'" in value]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} may not hold a single quote")
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())
