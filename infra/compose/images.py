"""The images: the official ones (or replacements, if no registry answers), then ours, rebuilt if their code has changed."""

import subprocess

from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.progress import Progress, step
from infra.platform.settings import read_environment

OURS = ("support", "serving", "mlflow", "airflow", "tasks")


def make_images(progress: Progress) -> None:
    """Fetch or build the images that are missing or outdated. The engine's cache covers the others in a second."""
    with step(progress, "images", "fetching the stores' images", "ready"):
        run_script("bases/make.sh")
    for name in OURS:
        with step(progress, f"image {name}", "building", "built"):
            run_script("build.sh", name)


def run_script(script: str, *words: str) -> None:
    """Run a script of infra/images. Raise StackError with its last lines if it fails."""
    command = ["sh", f"infra/images/{script}", *words]
    done = subprocess.run(command, cwd=REPOSITORY, env=read_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise StackError(f"infra/images/{script} {' '.join(words)} failed:\n{last}")
