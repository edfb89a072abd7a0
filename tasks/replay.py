"""Recompute predictions from their receipts and compare both.

Each prediction is computed from the model and the feature values of its receipt, and from the movie's row in the offline store
at the snapshot that its features were published from. An answer that came from the prediction set is compared with that set.
Prints `equal`, or the differences with both values. Exits with 1 if a prediction differs, with 66 if an id is unknown.
Writes nothing.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence

from tasks.command import make_parser, run_and_map_errors, start_log
from tasks.core.audit.receipts import PREDICTION_SET, Receipt
from tasks.core.audit.replay import PUBLISHED, Difference, Differences, replay, replay_published
from tasks.core.errors import Differs, Unknown
from tasks.io import receipt_sources
from tasks.io.postgres import receipts
from tasks.io.postgres.connection import connect
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings


def run(settings: Settings, prediction_ids: Sequence[str], last: int | None = None) -> None:
    """Print the result for each receipt; the same receipts give the same output while model and snapshot are kept."""
    requested = list(dict.fromkeys(prediction_ids))
    with receipts.connect(settings) as conn:
        read = receipts.read_by_ids(conn, requested) if last is None else receipts.read_last(conn, last)

    results = compare(settings, read)

    for receipt in read:
        sys.stdout.write(f"{receipt.prediction_id} {describe(results[receipt.prediction_id])}\n")
    unknown = [prediction_id for prediction_id in requested if prediction_id not in results]
    if unknown:
        raise Unknown(f"there is no receipt of {', '.join(unknown)}: it was never kept, or is older than RECEIPTS_KEEP_DAYS")
    differing = sum(1 for differences in results.values() if differences)
    if differing:
        raise Differs(f"{differing} of {len(results)} predictions differ from what they were made of")


def compare(settings: Settings, read: Sequence[Receipt]) -> dict[str, Differences]:
    """Return the differences of each receipt, by prediction id."""
    published = [receipt for receipt in read if receipt.source in PREDICTION_SET]
    computed = [receipt for receipt in read if receipt.source not in PREDICTION_SET]
    return compare_computed(settings, computed) | compare_published(settings, published)


def compare_computed(settings: Settings, read: Sequence[Receipt]) -> dict[str, Differences]:
    sources = receipt_sources.read_sources(settings.mlflow_tracking_uri, read)
    digests = {version: hashlib.sha256(exported).hexdigest() for version, exported in sources.models.items()}
    results: dict[str, Differences] = {}
    for receipt in read:
        version, digest = receipt.model_version, digests.get(receipt.model_version)
        if digest != receipt.model_sha256:
            other = Difference("sha256 of model.onnx", receipt.model_sha256, digest, f"in version {version} of MLflow")
            results[receipt.prediction_id] = [other]
    same_model = [receipt for receipt in read if receipt.prediction_id not in results]
    for (version, published), group in receipt_sources.group_receipts(same_model).items():
        compared = replay(group, sources.models[version], sources.rows.get(published))
        results |= {receipt.prediction_id: differences for receipt, differences in zip(group, compared, strict=True)}
    return results


def compare_published(settings: Settings, read: Sequence[Receipt]) -> dict[str, Differences]:
    if not read:
        return {}
    with connect(settings) as conn:
        ratings = receipt_sources.read_ratings(conn, Bucket.from_settings(settings), read)
    results: dict[str, Differences] = {}
    for receipt in read:
        rows = ratings.get((receipt.model_sha256, receipt.feature_set))
        if rows is None:
            made_of = f"{receipt.feature_set} by version {receipt.model_version}"
            results[receipt.prediction_id] = [Difference("feature_set", made_of, None, PUBLISHED)]
        else:
            (results[receipt.prediction_id],) = replay_published([receipt], rows)
    return results


def describe(differences: Differences) -> str:
    return "differs: " + "; ".join(map(str, differences)) if differences else "equal"


def parse_count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of predictions")
    return int(text)


def main() -> int:
    """Parse the command line, run, and return the exit code."""
    parser = make_parser(__doc__)
    selection = parser.add_mutually_exclusive_group(required=True)
    selection.add_argument("prediction_ids", nargs="*", default=[], metavar="PREDICTION_ID")
    selection.add_argument("--last", type=parse_count, metavar="N", help="replay the newest N predictions instead")
    arguments = parser.parse_args()
    start_log(sys.stderr)  # stdout has the results
    return run_and_map_errors(run, arguments.prediction_ids, arguments.last)


if __name__ == "__main__":
    sys.exit(main())
