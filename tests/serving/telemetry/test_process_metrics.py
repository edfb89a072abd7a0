"""Metrics of several processes on one port: counts are summed and never go down, gauges name their process."""

import socket

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.telemetry.metrics_pipe import MetricsPublisher, MetricsReader
from serving.telemetry.process_metrics import ProcessMetrics


class Process:
    """A registry with one metric of each kind, and the pipe to it."""

    def __init__(self, answers: bool = True) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("requests", "Requests.", ["route"], registry=self.registry)
        self.seconds = Histogram("seconds", "Time.", buckets=(0.1, 1), registry=self.registry)
        self.memory = Gauge("memory", "Memory.", registry=self.registry)
        parent_end, self.pipe = socket.socketpair()
        self.reader = MetricsReader(parent_end)
        self.publisher = MetricsPublisher(self.pipe, self.registry) if answers else None


def show(metrics: ProcessMetrics) -> list[str]:
    registry = CollectorRegistry()
    registry.register(metrics)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_counts_are_summed_and_gauges_name_their_process() -> None:
    one, two, metrics = Process(), Process(), ProcessMetrics()
    for pid, process in ((1, one), (2, two)):
        metrics.add(pid, process.reader)
        process.requests.labels("/predict").inc(pid)
        process.seconds.observe(0.05 * pid)
        process.memory.set(100 * pid)
    two.requests.labels("/movies").inc()
    lines = show(metrics)
    assert 'requests_total{route="/predict"} 3.0' in lines
    assert 'requests_total{route="/movies"} 1.0' in lines
    assert 'seconds_bucket{le="0.1"} 2.0' in lines
    assert "seconds_count 2.0" in lines
    assert 'memory{pid="1"} 100.0' in lines
    assert 'memory{pid="2"} 200.0' in lines
    assert len(lines) == len(set(lines))
    assert not any("_created" in line for line in lines)


def test_the_counts_of_an_ended_process_stay() -> None:
    one, two, metrics = Process(), Process(), ProcessMetrics()
    metrics.add(1, one.reader)
    metrics.add(2, two.reader)
    one.requests.labels("/predict").inc(5)
    two.requests.labels("/predict").inc(1)
    assert 'requests_total{route="/predict"} 6.0' in show(metrics)
    one.requests.labels("/predict").inc(2)  # after the last scrape
    assert one.publisher is not None
    one.publisher.push()
    one.pipe.shutdown(socket.SHUT_RDWR)
    metrics.retire(1)
    lines = show(metrics)
    assert 'requests_total{route="/predict"} 8.0' in lines
    assert [line for line in lines if line.startswith("memory")] == ['memory{pid="2"} 0.0']


def test_a_process_that_hangs_keeps_its_counts_and_delays_no_other() -> None:
    hanging, metrics = Process(answers=False), ProcessMetrics()
    hanging.reader.pipe.settimeout(0.05)
    hanging.reader.text = '# TYPE requests_total counter\nrequests_total{route="/predict"} 4.0\n# TYPE memory gauge\nmemory 1.0\n'
    metrics.add(1, hanging.reader)
    other = Process()
    other.requests.labels("/predict").inc()
    metrics.add(2, other.reader)
    lines = show(metrics)
    assert 'requests_total{route="/predict"} 5.0' in lines
    assert [line for line in lines if line.startswith("memory")] == ['memory{pid="2"} 0.0']


def test_a_process_that_answers_itself_shows_its_gauges_without_a_label() -> None:
    own, replacement = Process(), Process()
    metrics = ProcessMetrics(own.registry)
    own.requests.labels("/predict").inc(1)
    own.memory.set(7)
    metrics.add(2, replacement.reader)
    replacement.requests.labels("/predict").inc(2)
    lines = show(metrics)
    assert 'requests_total{route="/predict"} 3.0' in lines
    assert [line for line in lines if line.startswith("memory")] == ["memory 7.0"]
