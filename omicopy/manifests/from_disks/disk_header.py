"""What the first bytes of an object say of the disk in it: its format, its size, and whether it can stand alone.

An export writes qcow2 or raw disks, each in a gzip stream of its own. A qcow2 header says how large the disk is
(QEMU's "The qcow2 image format"); a raw disk has no header, and so nobody can tell it from anything else.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from omicopy.model.choices import DiskFormat

HEAD_BYTES = 64 * 1024
"""As much of an object as is ever looked at."""
_GZIP = b"\x1f\x8b"
_QCOW2 = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQI")
"""Magic, version, offset and length of the backing file's name, cluster bits, size in bytes, encryption method."""
_FEATURES = struct.Struct(">72xQ")
_LENGTHS = {2: 72, 3: 104}
"""Bytes of the header, by its version."""
_LARGEST = 2**63 - 1
_CORRUPT, _DATA_FILE = 1 << 1, 1 << 2


@dataclass(frozen=True, slots=True)
class DiskHead:
    """`format` None: raw, or anything else. `problem`: why the disk is of no use, in words; empty for none."""

    format: DiskFormat | None = None
    size_bytes: int | None = None
    compressed: bool = False
    """Whether it lies in a gzip stream, as those of an export do."""
    problem: str = ""

    @property
    def is_disk(self) -> bool:
        """Whether it looks like a disk at all, as far as beginnings tell."""
        return self.compressed or self.format is not None


def read_head(start: bytes) -> DiskHead:
    """What the first HEAD_BYTES of an object, or all there are, say. Never raises, whatever they are."""
    if not start:
        return DiskHead(problem="is empty")
    if not start.startswith(_GZIP):
        return _read_plain(start, compressed=False, whole=len(start) < HEAD_BYTES)
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(start, max_length=max(_LENGTHS.values()))  # a bomb gets no further
    except zlib.error:
        return DiskHead(compressed=True, problem="is no gzip stream that can be read")
    return _read_plain(plain, compressed=True, whole=stream.eof or len(start) < HEAD_BYTES)


def _read_plain(disk: bytes, compressed: bool, whole: bool) -> DiskHead:
    """`whole`: there is no more of it than these bytes."""
    if not disk.startswith(_QCOW2):
        return DiskHead(compressed=compressed)
    version = int.from_bytes(disk[4:8], "big")
    if len(disk) < _LENGTHS.get(version, _HEADER.size):
        problem = "ends within its qcow2 header" if whole else ""
        return DiskHead(DiskFormat.QCOW2, compressed=compressed, problem=problem)
    problem = _problem(disk, version)
    size = None if problem else _HEADER.unpack_from(disk)[5]
    return DiskHead(DiskFormat.QCOW2, size, compressed, problem)


def _problem(disk: bytes, version: int) -> str:
    """Why a qcow2 disk can't be made a volume from; nothing that is said comes out of the header as text."""
    _, _, backing_file, _, _, size, encryption = _HEADER.unpack_from(disk)
    features = _FEATURES.unpack_from(disk)[0] if version == 3 else 0
    if version not in _LENGTHS:
        return f"is of qcow version {version}, where 2 and 3 are known"
    if backing_file:
        return "holds only the differences to another file, its backing file"
    if encryption:
        return "is encrypted"
    if features & _DATA_FILE:
        return "keeps its content in another file"
    if features & _CORRUPT:
        return "is marked as corrupt"
    return "" if 0 < size <= _LARGEST else f"is {size} bytes large, as its header says"
