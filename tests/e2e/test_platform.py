"""Runs the platform as a newcomer does, from `up` to a prediction through Airflow, and then checks every promise about it."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.platform.layout import REPOSITORY
from infra.sources.sample import write_sample
from tests.bench.load.background import count_failures, put_load
from tests.e2e import checks
from tests.e2e.platform import SAMPLE_FILMS, Platform, bring_up
from tests.e2e.run_examples import read_document, run_example, run_request
from tests.e2e.world_checks import check_the_world_moves_on, read_world_day
from tests.examples import GAP, Example, all_examples, check_answer, read_promise
from tests.openapi_examples import read_requests

REAL = REPOSITORY.parent / "shared" / "data" / "sources"
HEAL_SECONDS = 60
"""The platform's promise: it is healthy within this time after any one process is killed."""


@pytest.fixture(scope="class")
def sample(tmp_path_factory: pytest.TempPathFactory, sample_fingerprints: dict[str, Any]) -> Iterator[Platform]:
    with bring_up(tmp_path_factory.mktemp("sample"), sample_films=SAMPLE_FILMS) as platform:
        fingerprint = platform.run_in_tasks("fingerprint")
        sample_fingerprints[fingerprint["day"]] = fingerprint
        yield platform


@pytest.fixture(scope="class")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    if not REAL.is_dir():  # IMDb's files may not be passed on; CI has them beside the clone
        pytest.skip(f"the real movies are not here: {REAL} does not exist")
    with bring_up(tmp_path_factory.mktemp("real"), sources=str(REAL)) as platform:
        yield platform


@pytest.mark.e2e
class TestSample:
    def test_the_doctor_finds_all_well(self, sample: Platform) -> None:
        doctor = sample.command("doctor")
        assert doctor.returncode == 0, doctor.stdout

    def test_nothing_is_red_after_up(self, sample: Platform) -> None:
        checks.check_nothing_is_red(sample)

    def test_the_first_up_prints_what_the_readme_shows(self, sample: Platform) -> None:
        promised = re.sub(r"^.+(?= \(tt\d+\): predicted)", GAP, read_promise("make up"), flags=re.MULTILINE)  # another movie
        check_answer(sample.first_output, promised)

    def test_every_line_of_the_sources_is_accounted_for(self, sample: Platform, tmp_path: Path) -> None:
        write_sample(tmp_path / "day", sample.settings.sample_films, 1, read_world_day(sample))
        checks.check_every_line_is_accounted_for(sample, tmp_path / "day")

    def test_answers_equal_scikit_learn_on_the_offline_features(self, sample: Platform) -> None:
        checks.check_answers_equal_scikit_learn(sample, 300)

    def test_the_last_answers_replay_equal(self, sample: Platform) -> None:
        checks.check_answers_replay_equal(sample, 100)

    def test_unknown_movies_are_404(self, sample: Platform) -> None:
        checks.check_unknown_movies_are_404(sample, 100)

    def test_the_feast_cli_reads_the_live_set(self, sample: Platform) -> None:
        views = sample.command("feast", "feature-views", "list")
        assert views.returncode == 0
        assert "movies" in views.stdout

    def test_the_world_moves_on_and_its_days_again_change_nothing(self, sample: Platform) -> None:
        check_the_world_moves_on(sample)

    def test_a_second_up_repeats_no_work(self, sample: Platform) -> None:
        before = sample.run_in_tasks("state")
        assert sample.command("up").returncode == 0
        assert sample.run_in_tasks("state") == before

    def test_another_source_is_refused_with_the_remedy(self, sample: Platform) -> None:
        other = Platform(sample.settings.model_copy(update={"sources": "live"}))
        refused = other.command("up")
        assert refused.returncode != 0
        assert "reset" in refused.stdout

    @pytest.mark.parametrize("example", all_examples("platform"), ids=str)
    def test_an_example_of_the_readmes_holds(self, sample: Platform, example: Example) -> None:
        run_example(sample, example)

    def test_every_request_of_the_openapi_document_holds(self, sample: Platform) -> None:
        requests = list(read_requests(read_document(sample)))
        assert {request.path for request in requests} >= {"/predict", "/whatif", "/movies", "/readyz", "/health"}
        assert {request.status for request in requests} == {200, 404, 422}
        for request in requests:
            run_request(sample, request)

    def test_a_rollback_under_load_brings_the_ratings_of_before_back(self, sample: Platform, tmp_path: Path) -> None:
        checks.check_a_rollback(sample, 100, tmp_path)

    def test_up_restores_what_redis_has_lost(self, sample: Platform) -> None:
        checks.check_lost_redis_is_restored(sample, 100)

    def test_each_process_killed_in_turn_comes_back_and_predictions_go_on(self, sample: Platform, tmp_path: Path) -> None:
        checks.wait_for_published_ratings(sample)
        movies = sample.run_in_tasks("expected", "300")["ratings"]
        parts = sample.running_parts()
        assert len(parts) >= 10
        for part, pid in parts.items():
            with put_load(sample.settings.api_port, movies, tmp_path / part, rate=20, connections=4) as load:
                os.kill(pid, signal.SIGKILL)
                sample.wait_until_well(HEAL_SECONDS)
                load.stop()
            assert sample.running_parts()[part] != pid
            if part != "api":  # its one worker: nobody answers until it is back
                assert count_failures(load.records) == {}, part

    def test_down_leaves_no_process_and_keeps_the_data(self, sample: Platform) -> None:
        before = sample.run_in_tasks("state")
        assert sample.command("down").returncode == 0
        assert sample.processes() == []
        up = sample.command("up")
        assert up.returncode == 0, up.stdout
        assert sample.run_in_tasks("state") == before


@pytest.mark.e2e
@pytest.mark.real_data
class TestRealData:
    def test_every_line_of_the_sources_is_accounted_for(self, real: Platform) -> None:
        checks.check_every_line_is_accounted_for(real, Path(real.settings.sources))

    def test_the_model_beats_the_baseline_on_movies_of_later_years(self, real: Platform) -> None:
        metrics = real.run_in_tasks("champion")
        assert metrics["gain_over_baseline"] >= 0.18

    def test_a_thousand_answers_equal_scikit_learn(self, real: Platform) -> None:
        checks.check_answers_equal_scikit_learn(real, 1000)

    def test_unknown_movies_are_404(self, real: Platform) -> None:
        checks.check_unknown_movies_are_404(real, 100)

    def test_running_the_dags_again_changes_nothing(self, real: Platform) -> None:
        checks.check_the_dags_again_change_nothing(real)
