"""Merges the metrics of all processes of one API: counts are summed, and gauges get a label with the process id.

The counts of a process that has ended are kept. Without them the sum would decrease, which Prometheus treats as a restart, and
the requests of the other processes would count twice.
"""

import threading
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from serving.telemetry.metrics_pipe import MetricsReader

SUMMED = frozenset({"counter", "histogram", "summary"})
CREATED = "_created"
"""Suffix of the start times of series, which cannot be summed."""

Series = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of a sample."""


class ProcessMetrics(Collector):
    """A collector of the metrics of this process, if it answers requests, and of its children."""

    def __init__(self, own: CollectorRegistry | None = None) -> None:
        self._own = own
        self._children: dict[int, MetricsReader] = {}
        self._ended = MetricSums()
        self._lock = threading.Lock()

    def add(self, pid: int, reader: MetricsReader) -> None:
        """Include the metrics of a child from now on."""
        with self._lock:
            self._children[pid] = reader

    def retire(self, pid: int) -> None:
        """Keep the last counts of a child that has ended. Waits for a scrape in progress."""
        with self._lock:
            reader = self._children.pop(pid, None)
            if reader is not None:  # else it was retired before
                reader.close()
                self._ended.add(text_string_to_metric_families(reader.text), None)

    def collect(self) -> Iterator[Metric]:
        """Yield the merged metrics; a child that does not answer in time has the counts of the previous scrape and no gauges."""
        with self._lock:
            sums = self._ended.copy()
            if self._own is not None:
                sums.add(self._own.collect(), {})
            for pid, reader in self._children.items():
                answered = reader.fetch()
                labels = {"pid": str(pid)} if answered and self._own is None else None
                sums.add(text_string_to_metric_families(reader.text), labels)
        yield from sums.families()


class MetricSums:
    """The summed samples of several processes, by family."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, dict[Series, float]]] = {}

    def copy(self) -> "MetricSums":
        """Return an independent copy."""
        copied = MetricSums()
        copied._families = {name: (text, kind, dict(samples)) for name, (text, kind, samples) in self._families.items()}
        return copied

    def add(self, families: Iterable[Metric], gauge_labels: dict[str, str] | None) -> None:
        """Add the samples of one process. gauge_labels: additional labels of its gauges; None omits its gauges."""
        for family in families:
            is_summed = family.type in SUMMED
            if family.name.endswith(CREATED) or (not is_summed and gauge_labels is None):
                continue
            _, _, samples = self._families.setdefault(family.name, (family.documentation, family.type, {}))
            for sample in family.samples:
                if sample.name.endswith(CREATED):
                    continue
                labels = sample.labels if is_summed else sample.labels | (gauge_labels or {})
                series = (sample.name, tuple(labels.items()))
                samples[series] = samples.get(series, 0.0) + sample.value

    def families(self) -> Iterator[Metric]:
        """Yield the families for prometheus_client."""
        for name, (text, kind, samples) in self._families.items():
            family = Metric(name, text, kind)
            for (sample_name, labels), value in samples.items():
                family.add_sample(sample_name, dict(labels), value)
            yield family
