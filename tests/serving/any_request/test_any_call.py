"""Makes gRPC calls of any kind: each gets an answer or a status for a wrong request, never one for an internal error."""

import socket
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.server import MESSAGE_BYTES, METADATA_BYTES, SERVICE
from tests.serving.any_request import outcome_counts
from tests.serving.any_request.adversarial_messages import every_call, metadata, other_methods, wire_bytes
from tests.serving.any_request.adversarial_requests import is_harmless
from tests.serving.any_request.adversarial_text import weigh
from tests.serving.any_request.conftest import Served

pytestmark = pytest.mark.integration

Code: Any = grpc.StatusCode
BLAMES_THE_CALLER = {Code.NOT_FOUND, Code.INVALID_ARGUMENT}
REASONS = {"malformed", "unknown_movie"}
"""Reasons that are given for these."""


def ask(channel: Any, method: str, body: bytes, given: list[tuple[str, str | bytes]]) -> grpc.StatusCode:
    """Make one call and look at all that came back."""
    call = channel.unary_unary(f"/{SERVICE.full_name}/{method}")
    try:
        answer, found = call.with_call(body, metadata=given, timeout=10)
    except grpc.RpcError as error:
        code, found, details = error.code(), error, error.details()
    else:
        code, details = Code.OK, ""
        assert message_factory.GetMessageClass(SERVICE.methods_by_name[method].output_type).FromString(answer).ByteSize()
    assert "raceback" not in details
    assert len(details) < 8192
    trailing = dict(found.trailing_metadata() or ())
    if code in BLAMES_THE_CALLER:
        assert trailing["reason"] in REASONS
    if code in BLAMES_THE_CALLER or code is Code.OK:
        assert 1 <= len(trailing["x-request-id"]) <= 64
        check_id(given, trailing["x-request-id"])
    return code


def check_id(given: list[tuple[str, str | bytes]], answered: str) -> None:
    """The first that was given, if it is harmless."""
    first = next((value for name, value in given if name == "x-request-id"), "")
    assert (answered == first) == is_harmless(str(first))


def is_too_much(body: bytes, given: list[tuple[str, str | bytes]]) -> bool:
    return len(body) > MESSAGE_BYTES or sum(len(name) + len(value) + 32 for name, value in given) > METADATA_BYTES // 2


def test_any_call_is_answered(served: Served, until_enough: Callable[..., None]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:

        def make(how: settings) -> Any:
            @how
            @given(every_call, metadata, weigh((20, st.none()), (1, other_methods)))
            def play(call: tuple[str, bytes], more: list[tuple[str, str | bytes]], other: str | None) -> None:
                method, body = call
                code = ask(channel, other if other is not None else method, body, more)
                outcome_counts.note("grpc", code.name)
                if code is Code.RESOURCE_EXHAUSTED and is_too_much(body, more):
                    return
                if other is not None:
                    assert code is Code.UNIMPLEMENTED
                else:
                    assert code in BLAMES_THE_CALLER | {Code.OK}
                assert code is not Code.NOT_FOUND or method in ("Predict", "WhatIf")

            return play

        until_enough("grpc", make)


def test_any_bytes_leave_it_answering(served: Served, until_enough: Callable[..., None]) -> None:
    asked = messages.PredictRequest(movie_id=served.movies[0].movie_id).SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:

        def make(how: settings) -> Any:
            @how
            @given(wire_bytes)
            def play(data: bytes) -> None:
                with socket.create_connection(("127.0.0.1", served.grpc_port), 5) as raw:
                    raw.sendall(data)
                    raw.shutdown(socket.SHUT_WR)
                    while hear(raw):
                        pass
                outcome_counts.note("grpc bytes", "ended")
                assert ask(channel, "Predict", asked, []) is Code.OK

            return play

        until_enough("grpc bytes", make)


def hear(raw: socket.socket) -> bool:
    """Return true if anything arrives. The connection may end in a reset, since the server may not read the last bytes."""
    try:
        return bool(raw.recv(4096))
    except ConnectionResetError:
        return False
