"""The bench's figures as one picture."""

from collections.abc import Mapping
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
