"""Makes disk files as an export writes them, small but real, and reads their volume's size.

A qcow2 file is complete (header, refcounts, an empty first-level table): any tool reads it as an empty disk of the
volume's size. A raw disk of many GiB is not small, even compressed. So a raw file has its first sector only, which says
in words how large the disk would be.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
REACH_OF_ENTRY = CLUSTER // 8 * CLUSTER
GIB = 1 << 30
QCOW2_MAGIC = b"QFI\xfb"
RAW_LABEL = re.compile(rb"OMICOPY SANDBOX RAW DISK OF (\d+) BYTES")
LARGEST_BYTES = 64 * 1024 * 1024


class InvalidDisk(ValueError):
    """An import can't read the disk. The message says why."""


def make_disk(image_format: str, size_bytes: int, name: str) -> bytes:
    """Returns a disk, compressed with gzip. It contains `name`, so that the bytes of two snapshots differ."""
    disk = _qcow2(size_bytes, name) if image_format == "qcow2" else _raw(size_bytes, name)
    return gzip.compress(disk, compresslevel=6, mtime=0)


def disk_size(compressed: bytes, name: str) -> int:
    """Returns the size in bytes of the volume of a compressed disk. Raises InvalidDisk."""
    try:
        inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        disk = inflate.decompress(compressed, LARGEST_BYTES)
    except zlib.error as error:
        raise InvalidDisk(f"{name} is not compressed with gzip") from error
    if not inflate.eof:
        raise InvalidDisk(f"{name} ends too early or is too large")
    if disk.startswith(QCOW2_MAGIC) and len(disk) >= 72:
        return int(struct.unpack_from(">Q", disk, 24)[0])
    label = RAW_LABEL.match(disk)
    return int(label.group(1)) if label else len(disk)


def _qcow2(size_bytes: int, name: str) -> bytes:
    """Version 3. Cluster 0: header; 1: refcount table; 2: its one block; from 3 on: first-level table."""
    entries = -(-size_bytes // REACH_OF_ENTRY)
    table_clusters = max(1, -(-entries * 8 // CLUSTER))
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        *(QCOW2_MAGIC, 3, 0, 0, CLUSTER_BITS, size_bytes, 0, entries, 3 * CLUSTER, CLUSTER, 1, 0, 0, 0, 0, 0, 4, 104),
    )
    note = name.encode()
    extension = struct.pack(">II", 0x6F6D6963, len(note)) + note + bytes(-len(note) % 8) + bytes(8)
    refcounts = struct.pack(">H", 1) * (3 + table_clusters)
    clusters = (header + extension, struct.pack(">Q", 2 * CLUSTER), refcounts)
    return b"".join(part.ljust(CLUSTER, b"\0") for part in clusters) + bytes(table_clusters * CLUSTER)


def _raw(size_bytes: int, name: str) -> bytes:
    label = f"OMICOPY SANDBOX RAW DISK OF {size_bytes} BYTES\n{name}\n"
    return label.encode().ljust(510, b"\0") + b"\x55\xaa"
