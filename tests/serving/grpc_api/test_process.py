"""`python -m serving` in its own environment: GET, POST and gRPC over real sockets, from one process and from several."""

import http.client
import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.marquee_pb2_grpc import PredictionsStub
from tests.serving.conftest import CLOSED, World
from tests.serving.servers import Api, free_port, wait_until

pytestmark = pytest.mark.integration


def start(world: World, folder: Path, **more: str) -> tuple[Api, int]:
    port = free_port()
    api = Api(folder / "api", world.valkey.url, CLOSED, world.cache)
    api.environment |= {"GRPC_PORT": str(port)} | more
    api.start()
    wait_until(lambda: api.get("/readyz")[0] == 200, 30)
    return api, port


def post(api: Api, path: str, body: object) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=5)
    try:
        connection.request("POST", path, json.dumps(body))
        found: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return found


def test_http_and_grpc_agree_and_close_in_order(world: World, tmp_path: Path) -> None:
    ids = [movie.movie_id for movie in world.movies] + ["tt9999999"]
    api, port = start(world, tmp_path)
    try:
        singly = [json.loads(api.get(f"/predict?movie_id={each}")[1]).get("rating") for each in ids]
        batch = [entry.get("rating") for entry in post(api, "/predict", {"movie_ids": ids})["predictions"]]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = PredictionsStub(channel)  # type: ignore[no-untyped-call]  # it is generated
            asked = messages.PredictBatchRequest(movie_ids=ids)
            answer = stub.PredictBatch(asked, timeout=5, wait_for_ready=True).predictions
        assert singly == batch == [each.prediction.rating or None for each in answer]
        assert singly[-1] is None
    finally:
        api.stop()
    assert "Application shutdown complete" in api.log.read_text()
    assert "raceback" not in api.log.read_text()


def test_several_processes_share_the_port(world: World, tmp_path: Path) -> None:
    api, port = start(world, tmp_path, API_WORKERS="2")
    try:
        wait_until(lambda: api.log.read_text().count(f"gRPC on 127.0.0.1:{port}") == 2, 30)
        answered = 0
        for _ in range(40):  # each channel is a connection of its own, and the kernel chooses
            options = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
                stub: Any = PredictionsStub(channel)  # type: ignore[no-untyped-call]  # it is generated
                answered += bool(stub.Predict(messages.PredictRequest(movie_id="5003"), timeout=5, wait_for_ready=True).rating)
        assert answered == 40
    finally:
        api.stop()
    assert "raceback" not in api.log.read_text()
