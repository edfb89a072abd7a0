"""The bench's figures as one picture."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from matplotlib.figure import Figure


def draw(medians: Mapping[str, Mapping[str, float]], title: str, path: Path) -> None:
    """Draw a bar of requests/s for each server; logarithmic, since they differ by two orders of magnitude."""
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(medians), [median["requests_per_second"] for median in medians.values()])
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set(xscale="log", xlabel="requests/s", title=title)
    axes.margins(x=0.15)
    figure.savefig(path)


def draw_lines(lines: Mapping[str, Sequence[tuple[str, float]]], title: str, path: Path) -> None:
    """Draw a line for each name through its points (YYYY-MM-DD, value)."""
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, points in lines.items():
        axes.plot([date.fromisoformat(day) for day, _ in points], [value for _, value in points], marker="o", label=name)  # type: ignore[arg-type]  # matplotlib plots dates
    axes.set(title=title)
    axes.legend()
    figure.autofmt_xdate()
    figure.savefig(path)
