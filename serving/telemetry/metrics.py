"""What Prometheus scrapes: durations and outcomes as they happen, model and features as they are."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.core.answer import SOURCES
from serving.core.errors import PredictionError
from serving.features.feature_store import FeatureStore
from serving.models.release_watcher import ReleaseWatcher
from serving.telemetry.counters import LabelCounter, LatencyHistogram
from serving.telemetry.log_writer import LogWriter

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
"""Seconds; fine where an answer should be, up to well past the store's deadline."""
MALFORMED = "malformed"


class Metrics:
    """One registry an application, so that a test can make an application anew."""

    def __init__(self, store: FeatureStore, watch: ReleaseWatcher, log: LogWriter) -> None:
        self.registry = CollectorRegistry()
        outcomes = (*SOURCES, MALFORMED, *(kind.reason for kind in PredictionError.__subclasses__()))
        self._durations = LatencyHistogram("marquee_http_request_duration_seconds", "marquee_http_requests", BUCKETS)
        self._outcomes = LabelCounter(
            "marquee_predictions", "Predictions requested, by outcome, through HTTP and gRPC.", "outcome", outcomes
        )
        self._fallbacks = LabelCounter(
            "marquee_fallbacks",
            "Answers from the last published ratings, by what was missing.",
            "reason",
            [kind.reason for kind in PredictionError.__subclasses__()],
        )
        for tally in (self._durations, self._outcomes, self._fallbacks):
            self.registry.register(tally)
        self.note_answer, self.note_outcome, self.note_fallback = (
            self._durations.note,
            self._outcomes.note,
            self._fallbacks.note,
        )
        self.receipts_dropped = Counter(
            "marquee_receipts_dropped", "Receipts that Postgres did not take in time.", registry=self.registry
        )
        self.receipts_written = Counter("marquee_receipts_written", "Receipts that are kept.", registry=self.registry)
        self.registry.register(StateCollector(store, watch, log))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)


class StateCollector(Collector):
    """Reads the state at the scrape, so that no gauge can be forgotten at a change."""

    def __init__(self, store: FeatureStore, watch: ReleaseWatcher, log: LogWriter) -> None:
        self._store, self._watch, self._log = store, watch, log

    def collect(self) -> Iterator[Metric]:
        model = GaugeMetricFamily("marquee_model_info", "The served model version.", labels=["name", "version", "sha256"])
        if self._watch.current is not None:
            served = self._watch.current.manifest
            model.add_metric([served.name, served.version, served.sha256], 1)
        yield model
        yield CounterMetricFamily("marquee_model_refusals", "Champions that did not verify.", value=self._watch.refusals)
        yield GaugeMetricFamily(
            "marquee_champion_followed", "1 while the registry answers which version is champion.", value=not self._watch.trouble
        )
        yield CounterMetricFamily("marquee_log_lines_dropped", "Log lines that could not be written.", value=self._log.dropped)
        feature_set = GaugeMetricFamily("marquee_feature_set_info", "The live feature set.", labels=["name", "snapshot_id"])
        age = GaugeMetricFamily("marquee_feature_age_seconds", "Time since the day that the live features describe.")
        rows = GaugeMetricFamily("marquee_feature_set_movies", "Movies in the live feature set.")
        if (live := self._store.live) is not None:
            feature_set.add_metric([live.name, live.snapshot_id], 1)
            age.add_metric([], live.age_seconds(time.time()))
            rows.add_metric([], live.movies)
        yield from (feature_set, age, rows)
