"""Compare what the API was given with what the offline store holds; a gate before publishing.

Samples the receipts of the 24 hours before now (or since people last accepted what was found), joins them with the offline
rows that their features were published from, and writes to table skew_audit in how many each feature differs. Fails, naming
the features, if any differs in more than SKEW_MAX_SHARE of them, unless --accept is given. Then deletes receipts older than
RECEIPTS_KEEP_DAYS.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from tasks.command import main
from tasks.core.audit.receipts import Receipt
from tasks.core.audit.skew import Group, Skew, compute_skew, find_skewed
from tasks.core.errors import Skewed
from tasks.core.model.onnx_model import read_onnx_features
from tasks.io import receipt_sources
from tasks.io.postgres import receipts
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.skew_audits import read_accepted_at, write_audit
from tasks.settings import Settings

log = logging.getLogger("tasks.audit_skew")

MOST = 5_000
HOURS = 24
FLAGS = {"accept": "report what differs, and let publishing go on"}


def run(settings: Settings, day: date, lease: Lease, accept: bool = False) -> None:
    """Same receipts twice, same state. The day only stands beside the audit: receipts are of the hours before now."""
    now = datetime.now(UTC)
    with connect(settings) as conn:
        since = max(now - timedelta(hours=HOURS), read_accepted_at(conn) or datetime.min.replace(tzinfo=UTC))
    with receipts.connect(settings) as conn:
        sample = receipts.read_sample(conn, since, now, MOST)
    groups = gather(settings, sample)

    skews = compute_skew(groups)
    skewed = find_skewed(skews, settings.skew_max_share)
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
        judge(skewed, settings.skew_max_share, accept)


def gather(settings: Settings, sample: Sequence[Receipt]) -> list[Group]:
    """The receipts beside what they point to; those whose model or snapshot is no more are left out, and it is said."""
    if not sample:
        return []
    models = receipt_sources.read_models(settings.mlflow_tracking_uri, [receipt.model_version for receipt in sample])
    rows = receipt_sources.read_rows(sample)
    names = {version: read_onnx_features(exported) for version, exported in models.items()}
    together: dict[tuple[str, receipt_sources.Published], list[Receipt]] = {}
    for receipt in sample:
        together.setdefault((receipt.model_version, receipt_sources.published_from(receipt)), []).append(receipt)
    groups = []
    for (version, published), group in sorted(together.items()):
        if version in names and published in rows:
            groups.append(Group(names[version], group, rows[published]))
        else:
            log.warning("%d receipts of version %s on %s, snapshot %s, point to what is no more", len(group), version, *published)
    return groups


def compute_audit_id(prediction_ids: Sequence[str]) -> str:
    """The hash of what was audited."""
    return hashlib.sha256(",".join(sorted(prediction_ids)).encode()).hexdigest()[:32]


def report(audited: int, sampled: int, differing: Sequence[Skew]) -> None:
    if not sampled:
        log.info("there was nothing to audit: no receipt of features since the last acceptance, or in %d hours", HOURS)
    for skew in differing:
        log.warning("differs online from offline: %s", skew)
    log.info("audited %d receipts of %d sampled: %d features differ", audited, sampled, len(differing))


def judge(skewed: Sequence[Skew], max_share: float, accept: bool) -> None:
    said = f"more than {max_share:.2%} of values differ online from offline: {'; '.join(map(str, skewed))}"
    if accept:
        log.warning("accepted: %s", said)
        return
    raise Skewed(
        f"{said}. `marquee replay {skewed[0].example}` shows both values. Find out what wrote them; to publish all the same,"
        " which puts a new set in the place of the live one, run refresh_movies with accept_skew"
    )


if __name__ == "__main__":
    main(run, __doc__, FLAGS)
