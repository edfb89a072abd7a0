"""POST /whatif on real servers: ratings with other features, and features that cannot be."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from serving.http.schemas import WhatIf
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.http.answers import malformed, refused, without_ids
from tests.serving.tiny_models import FEATURES, train_boosting

pytestmark = pytest.mark.integration


def test_a_what_if_is_rated_as_offline(world: World) -> None:
    movie = world.movies[0]
    overrides = {FEATURES[0]: 1.25, FEATURES[3]: None, FEATURES[1]: 99, FEATURES[2]: -3.0}
    changed = {**movie.features, **overrides}
    row = [np.nan if changed[name] is None else changed[name] for name in FEATURES]
    expected = float(train_boosting().predict(np.array([row], np.float32))[0])
    with world.serve() as client:
        answer = client.post("/whatif", {"movie_id": movie.tmdb_id, "overrides": overrides})
        as_it_is = client.get(f"/predict?movie_id={movie.movie_id}").json()
    body = WhatIf.model_validate_json(answer.content)
    assert (answer.status_code, answer.headers["x-feature-source"]) == (200, "fresh")
    assert body.rating == pytest.approx(expected, abs=1e-4)
    assert body.rating_as_it_is == as_it_is["rating"]
    assert body.overrides == overrides
    assert answer.json()["out_of_range"] == [{"feature": FEATURES[1], "value": 99.0, "lowest": -3.0, "highest": 3.0}]
    same = without_ids(answer.json()).keys() - {"rating_as_it_is", "overrides", "out_of_range", "rating"}
    assert {name: answer.json()[name] for name in same} == {name: as_it_is[name] for name in same}


def test_a_what_if_from_stale_features_is_labelled(world: World) -> None:
    world.deployed.features(LIVE, 50, day=datetime.now(UTC).date() - timedelta(days=3))
    with world.serve() as client:
        answer = client.post("/whatif", {"movie_id": world.movies[0].movie_id, "overrides": {FEATURES[0]: 1}})
    assert (answer.json()["stale"], answer.headers["x-feature-source"]) == (True, "stale")


def test_a_feature_that_the_model_does_not_read_is_named(world: World) -> None:
    with world.serve() as client:
        answer = client.post("/whatif", {"movie_id": world.movies[0].movie_id, "overrides": {"budget": 1e8}})
        refused(client.post("/whatif", {"movie_id": "tt9999999", "overrides": {FEATURES[0]: 1}}), 404, "unknown_movie")
    problem = malformed(answer, ["body", "overrides", "budget"])
    assert problem["type"] == "unknown_feature"
    assert all(name in problem["msg"] for name in ("'budget'", *FEATURES))


@pytest.mark.parametrize("number", ["1e39", "-1e39", "1e400", "NaN", "Infinity", "true", '"1"', "[1]", "1" * 5000])
def test_an_override_outside_float32_is_a_422(world: World, number: str) -> None:
    body = f'{{"movie_id": "{world.movies[0].movie_id}", "overrides": {{"{FEATURES[0]}": {number}}}}}'
    with world.serve() as client:
        malformed(client.post("/whatif", body.encode()))
