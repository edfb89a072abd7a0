"""Tests decompression of untrusted gzip data."""

import gzip
import random
import zlib
from collections.abc import Iterator

import pytest

from tasks.core.errors import BadInput
from tasks.core.imdb import gunzip as imdb_gzip
from tasks.core.imdb.gunzip import PIECE_BYTES, gunzip

CONTENT = b"".join(b"tt%07d\t%d\n" % (n, n * n) for n in range(3000))
PACKED = gzip.compress(CONTENT, mtime=0)


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_pieces_of_any_size(size: int) -> None:
    assert b"".join(gunzip(cut(PACKED, size))) == CONTENT


def test_members_that_follow_one_another_are_one_content() -> None:
    assert b"".join(gunzip(cut(PACKED + gzip.compress(b"more\n"), 100))) == CONTENT + b"more\n"


def test_a_file_cut_at_any_byte() -> None:
    packed = gzip.compress(CONTENT[:200], mtime=0)
    for end in range(len(packed)):
        with pytest.raises(BadInput, match="ends in the middle, after"):
            list(gunzip([packed[:end]] if end else []))


def test_a_damaged_checksum_or_length() -> None:
    for at in (-1, -5):
        damaged = bytearray(PACKED)
        damaged[at] ^= 1
        with pytest.raises(BadInput, match="the gzip data is damaged near byte"):
            list(gunzip([bytes(damaged)]))


def test_a_damaged_byte_anywhere_is_found() -> None:
    rng = random.Random(1)
    for _ in range(200):
        damaged = bytearray(PACKED)
        damaged[rng.randrange(10, len(PACKED))] ^= 1 << rng.randrange(8)
        with pytest.raises(BadInput, match="gzip"):
            list(gunzip(cut(bytes(damaged), 500)))


@pytest.mark.parametrize("content", [b"<html>sorry</html>", CONTENT, PACKED + b"trailing bytes that are no gzip"])
def test_content_that_is_not_gzip_is_rejected(content: bytes) -> None:
    with pytest.raises(BadInput, match="damaged near byte"):
        list(gunzip([content]))


def test_a_bomb_by_ratio() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    sizes: list[int] = []
    with pytest.raises(BadInput, match="this is a gzip bomb"):
        sizes.extend(len(piece) for piece in gunzip(cut(bomb, 1 << 14)))
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes) < 32 << 20


def test_a_bomb_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_gzip, "LARGEST_BYTES", 10_000)
    with pytest.raises(BadInput, match="this is a gzip bomb"):
        list(gunzip([PACKED]))


def test_output_that_zlib_still_holds_when_the_input_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_gzip, "PIECE_BYTES", 100)
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(bytes(1000)) + packer.flush()
    assert b"".join(gunzip(cut(packed, 3))) == bytes(1000)
