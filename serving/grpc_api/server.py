"""The gRPC server on API_HOST:GRPC_PORT, in the application's event loop: predictions, health and reflection."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serving.components import Components
from serving.grpc_api import marquee_pb2
from serving.grpc_api.interceptor import CallInterceptor
from serving.grpc_api.servicer import Predictions
from serving.http.health import read_readiness
from serving.telemetry.metrics import MALFORMED, Metrics

log = logging.getLogger("serving.grpc")

MESSAGE_BYTES = 64 * 1024
METADATA_BYTES = 8 * 1024
KEEPALIVE_MS = 60_000
"""Idle time after which a connection gets a ping."""
STOP_SECONDS = 2.0
"""Time limit for calls in flight when the server stops."""
LOOK_SECONDS = 1.0
"""Pause between two checks of readiness."""
SERVICE = marquee_pb2.DESCRIPTOR.services_by_name["Predictions"]


class RpcServer:
    """The gRPC server. `start` opens it; `follow_readiness` runs while it serves."""

    def __init__(self, components: Components, handlers: dict[str, Any]) -> None:
        self._components, self._health, settings = components, health.aio.HealthServicer(), components.settings
        host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
        self._address = f"{host}:{settings.grpc_port}"
        self._server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 1),  # the workers share the port, and a replacement shares it with the worker it replaces
                ("grpc.max_receive_message_length", MESSAGE_BYTES),
                ("grpc.max_metadata_size", METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", 2 * METADATA_BYTES),
                ("grpc.max_concurrent_streams", settings.max_in_flight),
                ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ]
        )
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE.full_name, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(self) -> None:
        """Start to listen. Raise OSError when another program uses the port."""
        await self._set(False)
        try:
            self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {self._address}: {error}") from None
        await self._server.start()
        log.info("gRPC on %s", self._address)

    async def follow_readiness(self) -> None:
        """Keep the status of the health service equal to /readyz, until cancelled."""
        while True:
            await self._set((await read_readiness(self._components)).ready)
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Report NOT_SERVING, reject new calls, and finish the rest."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(STOP_SECONDS)

    async def _set(self, ready: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", SERVICE.full_name):
            await self._health.set(name, status)


def make_server(components: Components) -> RpcServer:
    """Return the server, which is not listening yet."""
    interceptor = CallInterceptor(
        components.metrics.registry, components.access_log, components.access_policy, components.settings.max_in_flight
    )
    return RpcServer(
        components, make_handlers(Predictions(components.service, components.deployments), interceptor, components.metrics)
    )


def make_handlers(predictions: Predictions, interceptor: CallInterceptor, metrics: Metrics) -> dict[str, Any]:
    """Return a handler for each method of marquee.proto."""
    handlers = {}
    for method in SERVICE.methods:
        asks_prediction = method.name != "SearchMovies"
        note_malformed = (lambda: metrics.note_outcome(MALFORMED)) if asks_prediction else (lambda: None)
        handle = interceptor.wrap(f"/{SERVICE.full_name}/{method.name}", predictions.methods[method.name], note_malformed)
        parse = tolerate(message_factory.GetMessageClass(method.input_type).FromString)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(handle, parse, lambda message: message.SerializeToString())
    return handlers


def tolerate(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a parser that returns None for malformed bytes, because grpc would report them as INTERNAL, a server error."""

    def parse_or_none(body: bytes) -> Any:
        try:
            return parse(body)
        except DecodeError:
            return None

    return parse_or_none
