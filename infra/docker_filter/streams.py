"""The bytes after a request: the engine's answer, or an upgraded stream in both directions."""

import asyncio
from asyncio import StreamReader, StreamWriter

from infra.docker_filter.policy.errors import EngineAway

CHUNK = 64 * 1024
CLOSING_SECONDS = 5
"""Time that one direction of an upgraded stream may continue after the other has ended. A client that has gone looks the
same as a client that has only stopped sending."""


async def pass_answer(client: StreamReader, engine: StreamReader, to_client: StreamWriter, begun: bytes) -> None:
    """Pass the engine's answer to the client, and end at once if the client leaves. Further bytes of the client are dropped.

    begun: the part of the answer that was already read.
    """
    answering = asyncio.create_task(_pass_something(engine, to_client, begun))
    leaving = asyncio.create_task(drop(client))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        await _end(answering, leaving)


async def pass_both_ways(client: StreamReader, to_client: StreamWriter, engine: StreamReader, to_engine: StreamWriter) -> None:
    """Copy bytes in both directions until one side has left. Each side may stop sending while it still receives."""
    ways = {asyncio.create_task(_pass(client, to_engine)), asyncio.create_task(_pass(engine, to_client))}
    try:
        done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if rest and all(way.exception() is None for way in done):
            await asyncio.wait(rest, timeout=CLOSING_SECONDS)
    finally:
        await _end(*ways)


async def drop(reader: StreamReader) -> None:
    """Read and discard bytes until the other side closes the connection."""
    while await reader.read(CHUNK):
        pass


async def _pass_something(reader: StreamReader, writer: StreamWriter, begun: bytes) -> None:
    first = begun or await reader.read(CHUNK)
    if not first:
        raise EngineAway("the Docker engine ended the connection without an answer")
    writer.write(first)
    await _pass(reader, writer)


async def _pass(reader: StreamReader, writer: StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


async def _end(*ways: asyncio.Task[None]) -> None:
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
