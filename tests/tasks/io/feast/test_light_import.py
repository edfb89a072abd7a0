"""Feast's run-time type checks: off in the tasks, where they cost seconds, and passed by the definitions."""

import subprocess
import sys

CHECKED = """
{first}
from feast import Entity
import feature_repo.movies
try:
    Entity(name="movie", join_keys=["movie_id"], description=3)
except Exception as error:
    print(type(error).__name__)
else:
    print("unchecked")
"""


def import_feast(first: str) -> str:
    done = subprocess.run([sys.executable, "-c", CHECKED.format(first=first)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_definitions_pass_feasts_checks() -> None:
    """Where this prints "unchecked", Feast does without typeguard, and tasks/io/feast/__init__.py may go."""
    assert import_feast("") == "TypeCheckError"


def test_the_tasks_import_feast_without_them() -> None:
    assert import_feast("import tasks.io.feast") == "unchecked"
