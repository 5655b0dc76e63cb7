"""What the first bytes of an object say of a disk."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from functools import partial

import pytest
from hypothesis import given, strategies as st

from omicopy.manifests.from_disks.disk_header import HEAD_BYTES, DiskHead, read_head
from omicopy.model.choices import DiskFormat
from omicopy.model.units import GIB
from omicopy.sandbox.storage.disk_images import make_disk

zipped = partial(gzip.compress, mtime=0)  # the same bytes in every process
QCOW2 = make_disk("qcow2", 10 * GIB, "snap-1")


def header(version: int = 3, size: int = GIB, backing: int = 0, encryption: int = 0, features: int = 0) -> bytes:
    start = struct.pack(">4sIQIIQI", b"QFI\xfb", version, backing, 8 if backing else 0, 16, size, encryption)
    return (start.ljust(72, b"\0") + struct.pack(">Q", features)).ljust(104, b"\0")


@pytest.mark.parametrize("size", [1, GIB, 10 * GIB, 2**63 - 1])
@pytest.mark.parametrize("version", [2, 3])
def test_the_size_is_in_a_qcow2_header_gzipped_or_not(version: int, size: int) -> None:
    plain = header(version, size)[: 72 if version == 2 else None]
    assert read_head(plain) == DiskHead(DiskFormat.QCOW2, size)
    assert read_head(zipped(plain)) == DiskHead(DiskFormat.QCOW2, size, compressed=True)


def test_the_start_of_a_long_stream_is_enough() -> None:
    noise = b"".join(zlib.crc32(str(n).encode()).to_bytes(4, "big") for n in range(50_000))
    start = zipped(header() + noise)[:HEAD_BYTES]
    assert len(start) == HEAD_BYTES
    assert read_head(start) == DiskHead(DiskFormat.QCOW2, GIB, compressed=True)
    assert read_head(QCOW2).size_bytes == 10 * GIB


@pytest.mark.parametrize(
    ("disk", "problem"),
    [
        (b"", "is empty"),
        (header(backing=104), "backing file"),
        (header(encryption=1), "encrypted"),
        (header(features=1 << 2), "in another file"),
        (header(features=1 << 1), "corrupt"),
        (header(size=0), "0 bytes"),
        (header(size=2**63), "bytes large"),
        (header(version=1), "version 1"),
        (header(version=4), "version 4"),
        (header()[:80], "ends within"),
        (header(version=2)[:71], "ends within"),
        (b"QFI\xfb", "ends within"),
        (zipped(header()[:80]), "ends within"),
        (zipped(header(version=2, backing=104)), "backing file"),
        (b"\x1f\x8b" + b"x" * 100, "gzip stream"),
    ],
)
def test_a_disk_that_needs_another_file_is_refused_with_why(disk: bytes, problem: str) -> None:
    head = read_head(disk)
    assert problem in head.problem
    assert head.size_bytes is None


@pytest.mark.parametrize(
    ("disk", "compressed"), [(bytes(512), False), (make_disk("raw", GIB, "r"), True), (zipped(b""), True)]
)
def test_a_file_without_a_header_is_unknown_not_an_error(disk: bytes, compressed: bool) -> None:
    assert read_head(disk) == DiskHead(compressed=compressed)


@given(
    st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda rest: b"QFI\xfb" + rest)
    | st.binary(max_size=300).map(lambda rest: b"QFI\xfb\0\0\0\3" + rest)
    | st.binary(max_size=300).map(lambda rest: b"\x1f\x8b\x08" + rest)
    | st.binary(max_size=300).map(lambda rest: zipped(b"QFI\xfb\0\0\0\2" + rest))
    | st.tuples(st.just(QCOW2), st.integers(0, len(QCOW2) - 1), st.integers(0, 255)).map(
        lambda made: made[0][: made[1]] + bytes([made[2]]) + made[0][made[1] + 1 :]
    )
)
def test_any_bytes_are_a_disk_or_unknown_and_never_an_exception(start: bytes) -> None:
    head = read_head(start)
    assert head.problem.isprintable()
    if head.size_bytes is not None:
        assert head.format is DiskFormat.QCOW2
        assert 0 < head.size_bytes < 2**63
        assert not head.problem


def test_a_gzip_bomb_stays_small() -> None:
    bomb = zipped(bytes(64 * 1024 * 1024))[:HEAD_BYTES]
    tracemalloc.start()
    assert read_head(bomb) == DiskHead(compressed=True)
    assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    tracemalloc.stop()
