"""Which training runs may be removed."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.core.model_retention import TrainingRun, find_unneeded


def make_runs(*versions: tuple[str, ...]) -> list[TrainingRun]:
    """Runs, the oldest first, of these versions each."""
    return [TrainingRun(f"r{number}", number, each) for number, each in enumerate(versions)]


def test_the_newest_runs_and_those_of_needed_versions_stay() -> None:
    runs = make_runs(("1",), ("2", "3"), (), ("4",), ("5",))
    unneeded = find_unneeded(runs[::-1], 2, {"3"})
    assert [run.run_id for run in unneeded] == ["r0", "r2"], "the oldest first; a run without a version is one too"
    assert find_unneeded(runs, 2, {"1", "2", "9"}) == [runs[2]]
    assert find_unneeded(runs, 5, ()) == []
    assert find_unneeded([], 1, {"1"}) == []


@given(st.integers(0, 30), st.integers(1, 9), st.sets(st.integers(0, 30)))
def test_what_stays_is_bounded_by_what_is_needed(count: int, newest: int, needed: set[int]) -> None:
    runs = make_runs(*((str(number),) for number in range(count)))
    unneeded = find_unneeded(runs, newest, {str(version) for version in needed})
    stay = {run.run_id for run in runs} - {run.run_id for run in unneeded}
    assert stay == {f"r{number}" for number in range(count) if number in needed or number >= count - newest}
