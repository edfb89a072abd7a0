"""Fast counters for the thread that answers: plain numbers, converted to Prometheus metrics at a scrape.

prometheus_client's locks and checks cost 4 us for the four counts of an answer. A test compares the output with that of the
library's own Counter and Histogram, line by line.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class LabelCounter(Collector):
    """A counter with one label; it exports all known label values as 0 from the start, for alerts."""

    def __init__(self, name: str, documentation: str, label: str, values: Iterable[str]) -> None:
        self._name, self._documentation, self._label = name, documentation, label
        self._counts = dict.fromkeys(values, 0)

    def note(self, value: str) -> None:
        """Count one event with this label value."""
        self._counts[value] += 1

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=[self._label])
        for value, count in self._counts.items():
            family.add_metric([value], count)
        yield family


class LatencyHistogram(Collector):
    """A counter of answers by route and status, and a histogram of their durations by route."""

    def __init__(self, duration: str, requests: str, buckets: tuple[float, ...]) -> None:
        self._duration, self._requests, self._bounds = duration, requests, buckets
        self._statuses: dict[tuple[str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (route, status)
        if key not in self._statuses:
            self._statuses[key] = 0
            self._buckets.setdefault(route, [0] * (len(self._bounds) + 1))
            self._sums.setdefault(route, 0.0)
        self._statuses[key] += 1
        self._buckets[route][bisect_left(self._bounds, seconds)] += 1
        self._sums[route] += seconds

    def collect(self) -> Iterator[Metric]:
        durations = HistogramMetricFamily(self._duration, "Time to answer.", labels=["route"])
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for route, counts in list(self._buckets.items()):
            below = [sum(counts[: number + 1]) for number in range(len(bounds))]
            durations.add_metric([route], list(zip(bounds, below, strict=True)), self._sums[route])
        requests = CounterMetricFamily(self._requests, "Answers by status.", labels=["route", "status"])
        for (route, status), count in list(self._statuses.items()):
            requests.add_metric([route, str(status)], count)
        yield from (durations, requests)
