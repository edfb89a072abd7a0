"""Tests that our counters are exported as the library's own Counter and Histogram are."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from serving.telemetry.counters import LabelCounter, LatencyHistogram
from serving.telemetry.metrics import BUCKETS

SECONDS = st.one_of(st.sampled_from(BUCKETS), st.floats(0, 5, allow_nan=False))


def show(registry: CollectorRegistry) -> list[str]:
    """The lines of a scrape, but for the moments at which the library's series were made."""
    return sorted(line for line in generate_latest(registry).decode().splitlines() if "_created" not in line)


@given(st.lists(st.tuples(st.sampled_from(["/predict", "other"]), st.sampled_from([200, 404, 503]), SECONDS)))
def test_durations_are_the_librarys(answers: list[tuple[str, int, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = LatencyHistogram("seconds", "requests", BUCKETS)
    ours.register(durations)
    histogram = Histogram("seconds", "Time to answer.", ["route"], buckets=BUCKETS, registry=theirs)
    requests = Counter("requests", "Answers by status.", ["route", "status"], registry=theirs)
    for route, status, seconds in answers:
        durations.note(route, status, seconds)
        histogram.labels(route).observe(seconds)
        requests.labels(route, str(status)).inc()
    assert show(ours) == show(theirs)


@given(st.lists(st.sampled_from("abc")))
def test_counts_are_the_librarys(noted: list[str]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    fast_counter = LabelCounter("predictions", "Predictions asked for.", "outcome", "abc")
    ours.register(fast_counter)
    counter = Counter("predictions", "Predictions asked for.", ["outcome"], registry=theirs)
    for outcome in "abc":
        counter.labels(outcome)
    for outcome in noted:
        fast_counter.note(outcome)
        counter.labels(outcome).inc()
    assert show(ours) == show(theirs)
