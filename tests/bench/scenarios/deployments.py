"""kill -9 at every step of preparing, deploying and rolling back, 200 times and more: `make bench-deployments`.

After each kill a reader must find one whole deployment, before anything is healed; reconciling must then leave record,
pointer, table and alias in step, with no deployment lost from the record. Before that, a rollback under load and the upgrade of
an older release's live state are measured on the published sample.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyiceberg.catalog
from pyiceberg.utils.config import Config

from tasks.settings import Settings
from tests.bench.published_sample import publish_sample
from tests.bench.results import conclude, keep, keep_log, show
from tests.bench.scenarios.rollback import find_broken, measure_adoption, measure_rollback
from tests.conftest import started_stack
from tests.serving.tiny_models import export_onnx
from tests.tasks.killed.trials import Trials, open_trials
from tests.tasks.movies import FEATURES, add_movies, crown, fit, publish_day
from tests.tasks.settings_factory import deploy_features, deploy_model, own_environment

KINDS = (
    Trials.try_deploying,
    Trials.try_rolling_back,
    Trials.try_deploying_features,
    Trials.try_predicting,
    Trials.try_preparing,
)


def kill_at_every_step(trials: Trials, wanted: int) -> tuple[int, list[str]]:
    """Kill each kind of run at step 1, 2, … until it ends before the step, and begin anew until there were `wanted` trials.

    Return the number of kills after which all was whole, and the broken promises.
    """
    killed = 0
    broken: list[str] = []
    while killed + len(broken) < wanted:
        for kind in KINDS:
            step, ended = 1, "killed"
            while ended == "killed" and killed + len(broken) < wanted:
                try:
                    ended = kind(trials, step)
                    killed += ended == "killed"
                except AssertionError as error:
                    broken.append(f"{kind.__name__}, step {step}: {error}")
                step += 1
                print(f"\r{killed} killed, {len(broken)} broken", end="", file=sys.stderr)  # noqa: T201  # progress
    print(file=sys.stderr)  # noqa: T201
    return killed, broken


def measure_kills(wanted: int) -> tuple[dict[str, Any], list[str]]:
    """Run the trials on servers of their own; return the figures and the broken promises."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = stack.enter_context(started_stack(folder / "home"))
        environment = stack.enter_context(own_environment(servers))
        os.environ.update(environment)
        pyiceberg.catalog._ENV_CONFIG = Config()  # PyIceberg reads its environment once, when it is imported
        settings, day = Settings(), datetime.now(UTC).date()
        add_movies(settings)
        publish_day(settings, day)
        crown(settings, export_onnx(fit(settings, 1, day), FEATURES))
        deploy_model(settings, day)
        trials = stack.enter_context(open_trials(settings, day, environment, folder / "runner.log"))
        trials.change_movies()
        publish_day(settings, day)
        deploy_features(settings, day)
        began = time.monotonic()
        killed, broken = kill_at_every_step(trials, wanted)
        seconds = round(time.monotonic() - began, 1)
        keep_log("deployments", folder / "runner.log")
        figures: dict[str, Any] = {
            "killed": killed,
            "broken": len(broken),
            "deployments_recorded": len(trials.look()),
            "deployments_seen_by_readers": len(trials.seen),
            "runs": dict(sorted(trials.ended.items())),
            "seconds": seconds,
        }
    return figures, broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=220)
    wanted = parser.parse_args().trials
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as home, publish_sample(Path(home) / "home") as published:
        figures = measure_rollback(published, Path(home)) | measure_adoption(published)
    killed, broken = measure_kills(wanted)
    figures |= killed
    keep("deployments", figures)
    show(figures)
    return conclude([*broken, *find_broken(figures)])


if __name__ == "__main__":
    sys.exit(main())
