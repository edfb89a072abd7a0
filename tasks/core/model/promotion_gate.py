"""The promotion gate: decides if a new model may become the champion."""

from dataclasses import dataclass

from tasks.core.rating import HIGHEST_RATING, LOWEST_RATING


@dataclass(frozen=True)
class Decision:
    """The decision and its reason, in words for the run's page."""

    passed: bool
    reason: str


def check_range(lowest: float, highest: float) -> Decision | None:
    """Refuse a candidate whose lowest or highest output is not a rating, because the API would not answer with it."""
    if lowest >= LOWEST_RATING and highest <= HIGHEST_RATING:
        return None
    return Decision(passed=False, reason=f"its outputs, from {lowest:.4f} to {highest:.4f}, are not all ratings from 1 to 10")


def decide_promotion(
    candidate_rmse: float, baseline_rmse: float, champion_rmse: float | None, champion_is_servable: bool = True
) -> Decision:
    """Let a candidate pass that beats the constant baseline and the champion on the same test rows.

    champion_rmse: None while there is no champion. A champion that cannot be served any more, because it has no release.json or
    was trained on other features than the published ones, is ignored: without a new champion nothing would be served.
    """
    if not candidate_rmse < baseline_rmse:
        return Decision(
            passed=False, reason=f"RMSE {candidate_rmse:.4f} is not below the constant baseline's {baseline_rmse:.4f}"
        )
    gain = (
        f"RMSE {candidate_rmse:.4f}, {1 - candidate_rmse / baseline_rmse:.1%} below the constant baseline's {baseline_rmse:.4f}"
    )
    if champion_rmse is None:
        return Decision(passed=True, reason=f"{gain}; there was no champion")
    if not champion_is_servable:
        return Decision(passed=True, reason=f"{gain}; the champion had {champion_rmse:.4f}, and cannot be served any more")
    if not candidate_rmse < champion_rmse:
        return Decision(passed=False, reason=f"{gain}, but not below the champion's {champion_rmse:.4f}")
    return Decision(passed=True, reason=f"{gain}; the champion had {champion_rmse:.4f}")
