"""Compare the API's input with the offline store; a failed audit stops publishing.

Samples the receipts of the last 24 hours (or since a person last accepted a difference), joins them with the offline rows that
their features were published from, and writes to table skew_audit how often each feature differs. Fails, and names the
features, if one differs in more than SKEW_MAX_SHARE of its values, unless --accept is given. Then deletes receipts that are
older than RECEIPTS_KEEP_DAYS.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from tasks.command import main
from tasks.core.audit.receipts import Receipt
from tasks.core.audit.skew import Group, Skew, compute_skew, select_skewed
from tasks.core.errors import Skewed
from tasks.core.model.onnx_model import read_onnx_features
from tasks.io import receipt_sources
from tasks.io.postgres import receipts
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.skew_audits import read_accepted_at, write_audit
from tasks.settings import Settings

log = logging.getLogger("tasks.audit_skew")

MAX_RECEIPTS = 5_000
WINDOW_HOURS = 24
FLAGS = {"accept": "log the differences and let publishing go on"}


def run(settings: Settings, day: date, lease: Lease, accept: bool = False) -> None:
    """Audit the receipts of the last hours; the same receipts give the same state. `day` is only recorded."""
    now = datetime.now(UTC)
    with connect(settings) as conn:
        since = max(now - timedelta(hours=WINDOW_HOURS), read_accepted_at(conn) or datetime.min.replace(tzinfo=UTC))
    with receipts.connect(settings) as conn:
        sample = receipts.read_sample(conn, since, now, MAX_RECEIPTS)
    groups = gather(settings, sample)

    skews = compute_skew(groups)
    skewed = select_skewed(skews, settings.skew_max_share)
    audited = [receipt.prediction_id for group in groups for receipt in group.receipts]

    if audited:
        verdict = ("accepted" if accept else "failed") if skewed else "passed"
        with lease.held() as conn:
            write_audit(conn, compute_audit_id(audited), day, verdict, skews)
    report(len(audited), len(sample), [skew for skew in skews if skew.mismatched])
    with receipts.connect(settings) as conn:
        deleted = receipts.delete_before(conn, now - timedelta(days=settings.receipts_keep_days))
    log.info("deleted %d receipts older than %d days", deleted, settings.receipts_keep_days)
    if skewed:
        raise_unless_accepted(skewed, settings.skew_max_share, accept)


def gather(settings: Settings, sample: Sequence[Receipt]) -> list[Group]:
    """Return the receipts with the rows that they refer to; leave out, and log, those with a deleted model or snapshot."""
    sources = receipt_sources.read_sources(settings.mlflow_tracking_uri, sample)
    groups = []
    for (version, published), group in receipt_sources.group_receipts(sample).items():
        if version in sources.models and published in sources.rows:
            groups.append(Group(read_onnx_features(sources.models[version]), group, sources.rows[published]))
        else:
            log.warning(
                "%d receipts of version %s on %s, snapshot %s, refer to a model or snapshot that was deleted",
                *(len(group), version, *published),
            )
    return groups


def compute_audit_id(prediction_ids: Sequence[str]) -> str:
    """Return the hash of the audited predictions."""
    return hashlib.sha256(",".join(sorted(prediction_ids)).encode()).hexdigest()[:32]


def report(audited: int, sampled: int, differing: Sequence[Skew]) -> None:
    if not sampled:
        log.info("nothing to audit: no receipt of features in %d hours, or since the last acceptance", WINDOW_HOURS)
    for skew in differing:
        log.warning("online and offline differ: %s", skew)
    log.info("audited %d of %d sampled receipts: %d features differ", audited, sampled, len(differing))


def raise_unless_accepted(skewed: Sequence[Skew], max_share: float, accept: bool) -> None:
    finding = f"more than {max_share:.2%} of values differ online from offline: {'; '.join(map(str, skewed))}"
    if accept:
        log.warning("accepted: %s", finding)
        return
    raise Skewed(
        f"{finding}. `marquee replay {skewed[0].example}` shows both values. Find out what wrote them. To publish all the same,"
        " a new set in place of the live one, run refresh_movies with accept_skew"
    )


if __name__ == "__main__":
    main(run, __doc__, flags=FLAGS)
