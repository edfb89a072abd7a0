"""Feast for people: the CLI and the UI, on the feature set that is live."""

import json
import os
import subprocess
from functools import partial

from infra.local.services.valkey import connect_redis, redis_url
from infra.local.supervision.service import Part
from infra.platform.addresses import on_loopback
from infra.platform.environment import base_variables, local_variables
from infra.platform.http import check_url
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

POINTER = "marquee:feature_set"
"""Redis key whose JSON names the published feature set."""
FEATURE_REPO = REPOSITORY / "feature_repo"


def read_pointer(settings: Settings, secrets: Secrets) -> dict[str, str] | None:
    """Return the pointer to the published feature set; None before the first was published."""
    with connect_redis(settings, secrets, "api") as client:
        text = client.get(POINTER)
    return json.loads(text) if isinstance(text, str) else None


def feast_variables(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return the variables of the feast CLI: the tasks', and the live feature set as the project."""
    pointer = read_pointer(settings, secrets)
    return {**local_variables("tasks", settings, secrets), "FEAST_PROJECT": pointer["feature_set"] if pointer else "marquee"}


def run_feast(settings: Settings, secrets: Secrets, arguments: list[str]) -> int:
    """Run the feast CLI in the feature repository and return its exit code."""
    feast = settings.layout.environments / "tasks" / "bin" / "feast"
    environment = {**base_variables(os.environ), **feast_variables(settings, secrets)}
    return subprocess.run([str(feast), *arguments], env=environment, cwd=FEATURE_REPO, check=False).returncode


def feast_ui_part(settings: Settings, secrets: Secrets) -> Part:
    """Describe the UI, run by a watcher that starts it anew when another feature set goes live."""
    python, url = str(settings.layout.python("local")), f"http://127.0.0.1:{settings.feast_ui_port}"
    feast = settings.layout.environments / "tasks" / "bin" / "feast"
    serve = (str(feast), "ui", "--host", "127.0.0.1", "--port", str(settings.feast_ui_port))
    return Part(
        name="feast-ui",
        argv=(python, "-m", "infra.local.supervision.feast_watch", *serve),
        check=partial(check_url, url),
        environment={
            **local_variables("tasks", settings, secrets),
            "REDIS_URL": redis_url(on_loopback(settings).redis, secrets, "api"),
        },
        needs=("airflow-api", "mlflow"),  # it is slow to start: the rest goes first
        ports=(("127.0.0.1", "FEAST_UI_PORT", settings.feast_ui_port),),
        url=url,
        directory=FEATURE_REPO,
        environment_name="tasks",
        sweep="",
    )
