"""Make predictions again from their receipts, and compare.

Each is computed anew from the model that its receipt names and the feature values in it; and from the film's row in the
offline store, as of the snapshot that the features were published from. An answer that came from the published ratings is
compared with those. Says for each `equal`, or what differs with both values; exits 1 if any differs, 66 if an id is unknown.
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
    """Same receipts twice, same answer, as long as model and snapshot are kept."""
    asked = list(dict.fromkeys(prediction_ids))
    with receipts.connect(settings) as conn:
        read = receipts.read_some(conn, asked) if last is None else receipts.read_last(conn, last)

    found = compare(settings, read)

    for receipt in read:
        sys.stdout.write(f"{receipt.prediction_id} {describe(found[receipt.prediction_id])}\n")
    unknown = [each for each in asked if each not in found]
    if unknown:
        raise Unknown(f"there is no receipt of {', '.join(unknown)}: it was never kept, or is older than RECEIPTS_KEEP_DAYS")
    differing = sum(1 for differences in found.values() if differences)
    if differing:
        raise Differs(f"{differing} of {len(found)} predictions differ from what they were made of")


def compare(settings: Settings, read: Sequence[Receipt]) -> dict[str, Differences]:
    """What differs of each receipt, by prediction id."""
    computed = [receipt for receipt in read if receipt.source != PREDICTION_SET]
    return compare_computed(settings, computed) | compare_published(
        settings, [receipt for receipt in read if receipt.source == PREDICTION_SET]
    )


def compare_computed(settings: Settings, read: Sequence[Receipt]) -> dict[str, Differences]:
    if not read:
        return {}
    models = receipt_sources.read_models(settings.mlflow_tracking_uri, [receipt.model_version for receipt in read])
    digests = {version: hashlib.sha256(exported).hexdigest() for version, exported in models.items()}
    rows = receipt_sources.read_rows(read)
    found: dict[str, Differences] = {}
    groups: dict[tuple[str, receipt_sources.Published], list[Receipt]] = {}
    for receipt in read:
        version, digest = receipt.model_version, digests.get(receipt.model_version)
        if digest == receipt.model_sha256:
            groups.setdefault((version, receipt_sources.published_from(receipt)), []).append(receipt)
        else:
            other = Difference("sha256 of model.onnx", receipt.model_sha256, digest, f"in version {version} of MLflow")
            found[receipt.prediction_id] = [other]
    for (version, published), group in groups.items():
        for receipt, differences in zip(group, replay(group, models[version], rows.get(published)), strict=True):
            found[receipt.prediction_id] = differences
    return found


def compare_published(settings: Settings, read: Sequence[Receipt]) -> dict[str, Differences]:
    if not read:
        return {}
    with connect(settings) as conn:
        ratings = receipt_sources.read_ratings(conn, Bucket.from_settings(settings), read)
    found: dict[str, Differences] = {}
    for receipt in read:
        rows = ratings.get((receipt.model_sha256, receipt.feature_set))
        if rows is None:
            made_of = f"{receipt.feature_set} by version {receipt.model_version}"
            found[receipt.prediction_id] = [Difference("feature_set", made_of, None, PUBLISHED)]
        else:
            (found[receipt.prediction_id],) = replay_published([receipt], rows)
    return found


def describe(differences: Differences) -> str:
    return "differs: " + "; ".join(map(str, differences)) if differences else "equal"


def parse_count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of predictions")
    return int(text)


def main() -> int:
    """Read the command line, run, and return the exit code."""
    parser = make_parser(__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("prediction_ids", nargs="*", default=[], metavar="PREDICTION_ID")
    what.add_argument("--last", type=parse_count, metavar="N", help="the newest N instead")
    given = parser.parse_args()
    start_log()
    return run_and_map_errors(run, given.prediction_ids, given.last)


if __name__ == "__main__":
    sys.exit(main())
