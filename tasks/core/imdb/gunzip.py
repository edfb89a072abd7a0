"""Gunzip a stream that may be cut, damaged or hostile, holding a few megabytes at a time."""

import zlib
from collections.abc import Iterable, Iterator

from tasks.core.errors import BadInput

PIECE_BYTES = 4 << 20
LARGEST_RATIO = 100
"""IMDb's files shrink 3 to 8 times; gzip itself ends at about 1,030."""
RATIO_FREE_BYTES = 16 << 20
LARGEST_BYTES = 64 << 30
"""Sixteen times IMDb's largest file."""


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content; members that follow one another are one content (RFC 1952). Anything that is not whole is BadInput."""
    member = None
    taken = given = 0
    for chunk in chunks:
        taken += len(chunk)
        rest, full = chunk, False
        while rest or full:
            member = member or zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise BadInput(f"the gzip data is damaged near byte {taken - len(rest)}: {error}") from None
            given += len(piece)
            full = len(piece) == PIECE_BYTES  # zlib may hold more, even with all input taken
            if given > LARGEST_BYTES or given > RATIO_FREE_BYTES + LARGEST_RATIO * taken:
                raise BadInput(f"{taken} bytes of gzip grew to more than {given}: refused as a gzip bomb")
            if piece:
                yield piece
            rest = member.unconsumed_tail
            if member.eof:
                rest, member, full = member.unused_data, None, False
    if member is not None or not taken:
        raise BadInput(f"the gzip data ends in the middle, after {taken} bytes: the file was cut; fetch it again")
