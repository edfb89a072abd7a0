"""Predict the ratings of all movies with the model and the feature set that are to be deployed next.

Reads the offline snapshot that the set was published from, and the model in MLflow. Writes a Parquet file and an SQLite
database under predictions/ in the bucket, and a row of prediction_set. The prediction set goes live when a deployment names it.
The same model and feature set are not predicted again. A version whose outputs are not ratings from 1 to 10 is refused.
"""

import logging
from datetime import date

from tasks.command import main
from tasks.io.deployments.candidates import CHOOSERS
from tasks.io.deployments.prepare import prepare
from tasks.io.postgres.lease import Lease
from tasks.settings import Settings

log = logging.getLogger("tasks.predict_all")


def run(settings: Settings, day: date, lease: Lease, part: str = "features") -> None:
    """Make the prediction set for the next deployment, unless it exists already."""
    prepared = prepare(settings, day, part, lease)
    if isinstance(prepared, str):
        log.info("nothing to predict: %s", prepared)


if __name__ == "__main__":
    main(run, __doc__, choices={"part": tuple(CHOOSERS)})
