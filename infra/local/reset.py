"""Removing everything a platform has gathered: data, secrets, logs; the environments stay."""

import shutil

from infra.local.services.postgres_paths import remove_place
from infra.local.stack import Stack


def remove_all(stack: Stack) -> None:
    """Stop the platform and remove its state, Postgres's too where it lies outside the home."""
    layout = stack.settings.layout
    stack.stop()
    remove_place(layout)
    for folder in (layout.data, layout.secrets, layout.logs, layout.run):
        if folder.exists():
            shutil.rmtree(folder)  # raises, naming what stays
    (layout.home / "stack_id").unlink(missing_ok=True)
