"""The Prometheus metrics: durations and outcomes of answers, and the state of model and features."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.core.answer import SOURCES
from serving.core.errors import PredictionError
from serving.deployments.watcher import DeploymentWatcher
from serving.telemetry.counters import LabelCounter, LatencyHistogram
from serving.telemetry.log_writer import LogWriter

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
"""Bounds in seconds: fine around the usual duration of an answer, and up to well past the store's deadline."""
MALFORMED = "malformed"


class Metrics:
    """The metrics of one application, in a separate registry, so that tests can create several applications."""

    def __init__(self, deployments: DeploymentWatcher, log: LogWriter) -> None:
        self.registry = CollectorRegistry()
        outcomes = (*SOURCES, MALFORMED, *(kind.reason for kind in PredictionError.__subclasses__()))
        self._durations = LatencyHistogram("marquee_http_request_duration_seconds", "marquee_http_requests", BUCKETS)
        self._outcomes = LabelCounter(
            "marquee_predictions", "Predictions requested, by outcome, through HTTP and gRPC.", "outcome", outcomes
        )
        self._fallbacks = LabelCounter(
            "marquee_fallbacks",
            "Answers from the published predictions, by what was missing.",
            "reason",
            [kind.reason for kind in PredictionError.__subclasses__()],
        )
        for counter in (self._durations, self._outcomes, self._fallbacks):
            self.registry.register(counter)
        self.note_answer, self.note_outcome, self.note_fallback = (
            self._durations.note,
            self._outcomes.note,
            self._fallbacks.note,
        )
        self.receipts_dropped = Counter(
            "marquee_receipts_dropped", "Receipts that Postgres did not take in time.", registry=self.registry
        )
        self.receipts_written = Counter("marquee_receipts_written", "Receipts that are kept.", registry=self.registry)
        self.registry.register(StateCollector(deployments, log))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)


class StateCollector(Collector):
    """A collector that reads the state at each scrape, so that no gauge can become stale."""

    def __init__(self, deployments: DeploymentWatcher, log: LogWriter) -> None:
        self._deployments, self._log = deployments, log

    def collect(self) -> Iterator[Metric]:
        live = self._deployments.live
        parts = ["deployment", "model_version", "feature_set", "prediction_set"]
        deployment = GaugeMetricFamily("marquee_deployment_info", "The live deployment.", labels=parts)
        model = GaugeMetricFamily("marquee_model_info", "The served model version.", labels=["name", "version", "sha256"])
        feature_set = GaugeMetricFamily("marquee_feature_set_info", "The live feature set.", labels=["name", "snapshot_id"])
        age = GaugeMetricFamily("marquee_feature_age_seconds", "Time since the day that the live features describe.")
        rows = GaugeMetricFamily("marquee_feature_set_movies", "Movies in the live feature set.")
        if live is not None:
            record = live.record
            deployment.add_metric([str(live.id), record.model.version, record.features.name, record.predictions.name], 1)
            feature_set.add_metric([record.features.name, record.features.snapshot_id], 1)
            age.add_metric([], record.features.age_seconds(record.now(time.time())))
            rows.add_metric([], record.features.movies)
            if live.model is not None:
                model.add_metric([record.model.name, record.model.version, record.model.sha256], 1)
        yield from (deployment, model, feature_set, age, rows)
        yield CounterMetricFamily(
            "marquee_deployment_rejections", "Deployments that did not verify.", value=self._deployments.rejections
        )
        yield GaugeMetricFamily(
            "marquee_deployment_followed",
            "1 while Redis says which deployment is live and it can be loaded.",
            value=not self._deployments.trouble,
        )
        yield CounterMetricFamily("marquee_log_lines_dropped", "Log lines that could not be written.", value=self._log.dropped)
