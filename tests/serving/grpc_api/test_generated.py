"""Tests that the generated code is that of the .proto files, and that the messages have the fields of the HTTP bodies."""

from pathlib import Path

import grpc_tools
import pytest
from grpc_tools import protoc
from pydantic import BaseModel

from serving.grpc_api import marquee_pb2
from serving.grpc_api.server import SERVICE
from serving.grpc_api.servicer import Predictions
from serving.http import schemas
from tests.serving.servers import REPOSITORY

GENERATED = {
    "serving/grpc_api/marquee.proto": ("marquee_pb2.py", "marquee_pb2.pyi", "marquee_pb2_grpc.py"),
    "serving/features/feast_value.proto": ("feast_value_pb2.py", "feast_value_pb2.pyi"),
}


@pytest.mark.parametrize("proto", GENERATED)
def test_generating_again_gives_the_same_files(tmp_path: Path, proto: str) -> None:
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    own = Path(grpc_tools.__file__).parent / "_proto"
    assert protoc.main(["protoc", f"-I{REPOSITORY}", f"-I{own}", *outputs, proto]) == 0
    for name in GENERATED[proto]:
        path = Path(proto).parent / name
        assert (tmp_path / path).read_bytes() == (REPOSITORY / path).read_bytes(), f"{path}: run `make proto`"


def test_every_method_is_answered() -> None:
    class Nothing: ...

    assert Predictions(Nothing(), Nothing()).methods.keys() == {method.name for method in SERVICE.methods}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("Prediction", schemas.Prediction),
        ("Model", schemas.Model),
        ("PredictBatchResponse", schemas.Predictions),
        ("Refusal", schemas.FailedPrediction),
        ("OutOfRange", schemas.OutOfRange),
        ("SearchMoviesResponse", schemas.Movies),
        ("Movie", schemas.Movie),
    ],
)
def test_a_message_has_the_fields_of_the_body(message: str, body: type[BaseModel]) -> None:
    fields = {field.name for field in marquee_pb2.DESCRIPTOR.message_types_by_name[message].fields}
    assert fields == body.model_fields.keys()


def test_the_what_if_message_has_the_fields_of_the_body() -> None:
    fields = {field.name for field in marquee_pb2.DESCRIPTOR.message_types_by_name["WhatIfResponse"].fields}
    own = schemas.WhatIf.model_fields.keys() - schemas.Prediction.model_fields.keys()
    assert fields == own | {"prediction"}
