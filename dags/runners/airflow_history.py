"""Cleans Airflow's own database and task logs of what is older than KEEP_AIRFLOW_DAYS.

Airflow 3 gives its tasks no way to its database, since their code may be anybody's. `airflow db clean`, the supported way
to clean it, needs one. So the platform hands the address to the workers in a variable of its own, AIRFLOW_DATABASE_URL, and this
operator passes it to that command alone. A verb never gets it: no runner passes on a variable of Airflow's.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.runners.environment import read_queue

CONNECTION_VARIABLES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
"""The variables in which Airflow looks for its database's address; in a task both hold a word that is none."""


class CleanAirflow(BaseOperator):
    """An operator that deletes old rows of Airflow's database, and old log files of the host on which it runs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(do_xcom_push=False, **{**read_queue(), **options})
        self.process = SubprocessHook()

    def execute(self, context: Context) -> None:
        """Delete what is older than KEEP_AIRFLOW_DAYS; fail if a table could not be cleaned.

        Of each DAG the last scheduled run stays, because Airflow counts on from it.
        """
        before = datetime.now(UTC) - timedelta(days=read_keep_days())
        options = ("--skip-archive", "--yes", "--error-on-cleanup-failure")
        command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat(), *options]
        url = os.environ["AIRFLOW_DATABASE_URL"]
        environment = {**os.environ, **dict.fromkeys(CONNECTION_VARIABLES, url)}
        code = self.process.run_command(command, env=environment).exit_code
        if code != os.EX_OK:
            raise AirflowException(f"airflow db clean ended with exit code {code}; its output is above")
        files, size = remove_old_files(Path(conf.get("logging", "base_log_folder")), before)
        self.log.info("removed %d log files from before %s, %.1f MB", files, before.isoformat(), size / 1e6)

    def on_kill(self) -> None:
        """Send SIGTERM to the command's process group."""
        self.process.send_sigterm()  # type: ignore[no-untyped-call]  # Airflow's hook is untyped


def read_keep_days() -> int:
    """Return KEEP_AIRFLOW_DAYS, by default 30. Fail the task for good unless it is a number of days above 0."""
    text = os.environ.get("KEEP_AIRFLOW_DAYS") or "30"
    if not text.isdecimal() or int(text) == 0:
        raise AirflowFailException(f"KEEP_AIRFLOW_DAYS is {text!r}; write a number of days above 0")
    return int(text)


def remove_old_files(folder: Path, before: datetime) -> tuple[int, int]:
    """Remove the files that nobody has written to since `before`, and then the old folders that are empty.

    Return the number of files and their bytes. Links are not followed.
    """
    files = size = 0
    walked = list(os.walk(folder, topdown=False))
    old_folders = [Path(path) for path, _, _ in walked if Path(path) != folder and is_old(Path(path), before)]
    for path, _, names in walked:
        for file in (Path(path) / name for name in names):
            if is_old(file, before):
                files, size = files + 1, size + file.lstat().st_size
                file.unlink()
    for old in old_folders:
        if not any(old.iterdir()):
            old.rmdir()
    return files, size


def is_old(path: Path, before: datetime) -> bool:
    return path.lstat().st_mtime < before.timestamp()
