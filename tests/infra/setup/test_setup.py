"""Tests the program that sets up the stores of a platform in containers, on a Postgres that is set up already."""

import subprocess
import sys
from typing import Any

import psycopg
import pytest

from infra.local.stack import Stack
from infra.platform.accounts import POSTGRES_ADMIN, role_passwords
from infra.platform.layout import REPOSITORY
from infra.setup.schema_version import newest_revision
from tests.log_shape import check_line

pytestmark = pytest.mark.integration


def run_setup(stack: Stack) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the only line of the log."""
    passwords = {f"SETUP_ROLE_{role.upper()}": password for role, password in role_passwords(stack.secrets).items()}
    done = subprocess.run(
        [sys.executable, "-m", "infra.setup"],
        cwd=REPOSITORY,
        env=passwords | {"POSTGRES_ADMIN_URL": stack.endpoints.database_url(POSTGRES_ADMIN)},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    return done.returncode, check_line(done.stdout)


def test_it_logs_its_end_in_the_shape_of_all_services(stack: Stack) -> None:
    code, line = run_setup(stack)
    assert code == 0
    assert (line["service"], line["message"]) == ("setup", "the roles, databases and schemas are complete")


def test_a_later_schema_is_one_line_and_exit_code_1(stack: Stack) -> None:
    with psycopg.connect(stack.endpoints.database_url("movies"), autocommit=True) as conn:
        conn.execute("update movies_schema_version set version_num = '9999'")
        try:
            code, line = run_setup(stack)
        finally:
            conn.execute("update movies_schema_version set version_num = %s", [newest_revision("movies")])
    assert (code, line["level"]) == (1, "ERROR")
    assert "has schema 9999" in line["message"]
