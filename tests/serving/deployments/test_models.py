"""Models on a real MLflow server, fetched and served by the service in its own process and environment."""

import hashlib
import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from signal import Signals

import mlflow
import onnx
import psutil
import pytest
from mlflow import MlflowClient

from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.releases import make_release
from tests.serving.servers import Api, Server, mlflow_server, wait_until
from tests.serving.tiny_models import FEATURES, constant_onnx, export_onnx, train_boosting

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's client warns of itself

MODEL = "movie-rating"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = mlflow_server(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def api(world: World, registry: Server, tmp_path: Path) -> Iterator[Api]:
    """A service with an empty model cache, not started yet."""
    server = Api(tmp_path / "api", world.valkey.url, f"http://127.0.0.1:{registry.port}", tmp_path / "empty cache")
    yield server
    server.stop()


def deploy(world: World, registry: Server, model: bytes, tags: dict[str, str] | None = None, **changes: object) -> str:
    """Register a version as `tasks.train_model` does, and deploy it. changes: to its release.json."""
    mlflow.set_tracking_uri(f"http://127.0.0.1:{registry.port}")
    client = MlflowClient()
    release = make_release(model, **changes)
    digests = {"sha256.model.onnx": hashlib.sha256(model).hexdigest(), "sha256.release.json": hashlib.sha256(release).hexdigest()}
    with mlflow.start_run() as run:
        mlflow.log_text(release.decode(), "release.json")
        logged = mlflow.onnx.log_model(
            onnx.load_from_string(model), name="onnx", save_as_external_data=False, pip_requirements=["onnxruntime"]
        )
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    version = client.create_model_version(
        MODEL, logged.model_uri, run.info.run_id, tags=digests | (tags or {}), model_id=logged.model_id
    )
    digests = {"sha256": digests["sha256.model.onnx"], "release_sha256": digests["sha256.release.json"]}
    world.deployed.change("model", True, version=str(version.version), **digests)
    return str(version.version)


def served_version(api: Api, world: World) -> str | None:
    status, body, _ = api.get(f"/predict?movie_id={world.movies[0].movie_id}")
    return json.loads(body)["model"]["version"] if status == 200 else None


def serve_version(api: Api, world: World, version: str) -> None:
    wait_until(lambda: served_version(api, world) == version, what=f"version {version} being served")


def readiness(api: Api) -> dict[str, object]:
    answer: dict[str, object] = json.loads(api.get("/readyz")[1])
    return answer


def test_before_the_first_deployment_and_after(api: Api, world: World, registry: Server, model_bytes: bytes) -> None:
    world.redis.delete("marquee:deployment")
    api.start()
    wait_until(lambda: "train_model" in str(readiness(api)["detail"]), what="saying that nothing is deployed yet")
    status, body, headers = api.get(f"/predict?movie_id={world.movies[0].movie_id}")
    assert (status, json.loads(body)["reason"], headers["retry-after"]) == (503, "no_deployment", "5")
    version = deploy(world, registry, model_bytes)
    serve_version(api, world, version)
    assert api.get("/readyz")[0] == 200


def test_a_new_model_is_picked_up_without_a_failed_request(api: Api, world: World, registry: Server, model_bytes: bytes) -> None:
    first = deploy(world, registry, model_bytes)
    its_parts = dict(world.deployed.pointer["model"])
    api.start()
    serve_version(api, world, first)
    seen: list[tuple[int, str]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            status, body, _ = api.get(f"/predict?movie_id={world.movies[0].movie_id}")
            seen.append((status, json.loads(body).get("model", {}).get("version", "")))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        second = deploy(world, registry, export_onnx(train_boosting(seed=9)))
        serve_version(api, world, second)
        world.deployed.change("model", True, **its_parts)  # back again, from memory
        serve_version(api, world, first)
    finally:
        done.set()
        asking.join()
    assert {status for status, _ in seen} == {200}
    assert list(dict.fromkeys(version for _, version in seen)) == [first, second]


def test_without_mlflow_it_starts_from_the_cache(api: Api, world: World, registry: Server, model_bytes: bytes) -> None:
    version = deploy(world, registry, model_bytes)
    api.start()
    serve_version(api, world, version)
    api.stop()
    registry.stop(Signals.SIGKILL)
    try:
        api.start()
        assert served_version(api, world) == version
        assert api.get("/readyz")[0] == 200
    finally:
        registry.start()


BAD_MODELS: list[tuple[bytes, dict[str, str], dict[str, object], str]] = [
    (constant_onnx(42.0), {}, {}, "not a rating"),
    (constant_onnx(6.0, ("other", "columns")), {}, {}, "lacks 2 features: other, columns"),
    (constant_onnx(6.0), {"sha256.model.onnx": "0" * 64}, {}, "training recorded 0000"),
    (constant_onnx(6.0), {"sha256.release.json": "0" * 64}, {}, "release.json has sha256"),
    (constant_onnx(6.0), {}, {"files": {"model.onnx": "0" * 64}}, "release.json names 000000000000"),
    (constant_onnx(6.0), {}, {"golden": {"features": [[0.0] * len(FEATURES)], "ratings": [6.5]}}, "golden row 0 is rated 6"),
    (constant_onnx(6.0), {}, {"schema_hash": "6" * 64}, "the model was trained on 666666666666"),
    (constant_onnx(6.0), {}, {"feature_service": "post_release"}, "names the feature service 'post_release'"),
]


def test_a_model_that_does_not_verify_is_rejected_and_the_deployment_before_stays(
    api: Api, world: World, registry: Server, model_bytes: bytes
) -> None:
    good = deploy(world, registry, model_bytes)
    api.start()
    serve_version(api, world, good)
    for count, (model, tags, changes, reason) in enumerate(BAD_MODELS, start=1):
        deploy(world, registry, model, tags, **changes)
        number = world.deployed.pointer["deployment"]
        wait_until(lambda: f"'deployment': {number}" in str(readiness(api)["rejected_deployment"]), what=f"rejecting: {reason}")  # noqa: B023  # asked at once
        assert reason in str(readiness(api)["rejected_deployment"])
        assert served_version(api, world) == good
        assert f"marquee_deployment_rejections_total {count}.0".encode() in api.metrics()
        assert reason in api.log.read_text()


def test_a_version_without_onnx_is_rejected(api: Api, world: World, registry: Server, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(f"http://127.0.0.1:{registry.port}")
    client = MlflowClient()
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(tmp_path / "model.pkl"), "pickled")
        mlflow.log_text("{}", "release.json")
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    version = client.create_model_version(MODEL, f"{run.info.artifact_uri}/pickled", run.info.run_id)
    world.deployed.change("model", version=str(version.version), sha256="0" * 64, release_sha256="0" * 64)
    api.start()
    wait_until(lambda: readiness(api)["rejected_deployment"] is not None, what="the rejection")
    assert "holds no model.onnx" in str(readiness(api)["rejected_deployment"])
    assert api.get("/readyz")[0] == 503


def test_code_that_comes_with_a_model_is_not_run(
    api: Api, world: World, registry: Server, model_bytes: bytes, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    folder = tmp_path / "version"
    (folder / "code").mkdir(parents=True)
    code = f"open({str(ran)!r}, 'w')\n"
    (folder / "code" / "evil.py").write_text(code + "def _load_pyfunc(path): pass\n")
    (folder / "code" / "sitecustomize.py").write_text(code)
    (folder / "python_model.pkl").write_bytes(b"cbuiltins\nexec\n(V" + code.strip().encode() + b"\ntR.")
    flavor = {"python_function": {"loader_module": "evil", "code": "code", "python_model": "python_model.pkl"}}
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavor}))
    (folder / "model.onnx").write_bytes(model_bytes)
    release = make_release(model_bytes)
    mlflow.set_tracking_uri(f"http://127.0.0.1:{registry.port}")
    client = MlflowClient()
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), "evil")
        mlflow.log_text(release.decode(), "release.json")
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    digests = {
        "sha256.model.onnx": hashlib.sha256(model_bytes).hexdigest(),
        "sha256.release.json": hashlib.sha256(release).hexdigest(),
    }
    version = client.create_model_version(MODEL, f"{run.info.artifact_uri}/evil", run.info.run_id, tags=digests)
    named = {"sha256": digests["sha256.model.onnx"], "release_sha256": digests["sha256.release.json"]}
    world.deployed.change("model", True, version=str(version.version), **named)
    api.start()
    serve_version(api, world, str(version.version))
    assert not ran.exists()
    pickle.loads((folder / "python_model.pkl").read_bytes())  # noqa: S301  # were it ever read
    assert ran.exists()


def test_the_process_stays_lean_and_ends_with_its_answers_given(
    api: Api, world: World, registry: Server, model_bytes: bytes
) -> None:
    version = deploy(world, registry, model_bytes)
    api.start()
    serve_version(api, world, version)
    process = psutil.Process(api.pid)
    mapped = {mapping.path for mapping in process.memory_maps()}
    assert not [path for path in mapped if any(name in path for name in ("/pandas/", "/sklearn/", "/pyarrow/", "/scipy/"))]
    assert process.memory_info().rss < 150 * 2**20
    assert not process.children()
    assert api.stop(Signals.SIGTERM) == -Signals.SIGTERM  # uvicorn drains, closes, and only then dies of the signal
    lines = [json.loads(line) for line in api.log.read_text().splitlines()]
    access = [line for line in lines if line["logger"] == "serving.access"]
    assert {line["path"] for line in access} == {"/predict"}
    assert access[-1]["outcome"] == "fresh"
    assert "Application shutdown complete." in {line.get("message") for line in lines}
    assert LIVE in api.log.read_text()
