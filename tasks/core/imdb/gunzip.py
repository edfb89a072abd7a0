"""Decompresses a gzip stream that may be cut, damaged or hostile, with a few megabytes in memory at a time."""

from collections.abc import Iterable, Iterator

from isal import isal_zlib

from tasks.core.errors import BadInput

PIECE_BYTES = 2 << 20
LARGEST_RATIO = 100
"""Bytes out per byte in. IMDb's files have a ratio of 3 to 8; the format allows about 1,030."""
RATIO_FREE_BYTES = 16 << 20
"""The first bytes out, which may have any ratio."""
LARGEST_BYTES = 64 << 30
"""After decompression: sixteen times IMDb's largest file."""


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return the content in pieces; raise BadInput if it is damaged, cut or a gzip bomb.

    Members that follow one another are one content (RFC 1952, 2.2).
    """
    member = None
    bytes_in = bytes_out = 0
    for chunk in chunks:
        bytes_in += len(chunk)
        rest, full = chunk, False
        while rest or full:
            member = member or isal_zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(rest, PIECE_BYTES)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub declares an instance
                raise BadInput(f"the gzip data is damaged near byte {bytes_in - len(rest)}: {error}") from None
            bytes_out += len(piece)
            full = len(piece) == PIECE_BYTES  # it may hold more output, even when all input is consumed
            if bytes_out > LARGEST_BYTES or bytes_out > RATIO_FREE_BYTES + LARGEST_RATIO * bytes_in:
                raise BadInput(f"{bytes_in} bytes of gzip grew to {bytes_out} bytes: this is a gzip bomb")
            if piece:
                yield piece
            rest = member.unconsumed_tail
            if member.eof:
                rest, member, full = member.unused_data, None, False
    if member is not None or not bytes_in:
        raise BadInput(f"the gzip data ends in the middle, after {bytes_in} bytes: the file was cut; fetch it again")
