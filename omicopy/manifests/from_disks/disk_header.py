"""Reads the first bytes of a disk: its format, its size, and if it can be used without other files.

An export writes qcow2 or raw disks, each in its own gzip stream. A qcow2 header contains the size of the disk (QEMU's
"The qcow2 image format"). A raw disk has no header, so it can't be told from any other file.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from omicopy.model.choices import DiskFormat

HEAD_BYTES = 64 * 1024
"""Bytes to read of an object."""
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
    """The start of an object. `format` None: raw, or no disk. `problem`: why the disk can't be used, or empty."""

    format: DiskFormat | None = None
    size_bytes: int | None = None
    compressed: bool = False
    """True if it is in a gzip stream, as exports are."""
    problem: str = ""

    @property
    def is_disk(self) -> bool:
        """True if it may be a disk, as far as the first bytes show."""
        return self.compressed or self.format is not None


def read_head(start: bytes) -> DiskHead:
    """Reads the first HEAD_BYTES of an object, or all of a shorter one. Never raises."""
    if not start:
        return DiskHead(problem="is empty")
    if not start.startswith(_GZIP):
        return _read_plain(start, compressed=False, whole=len(start) < HEAD_BYTES)
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(start, max_length=max(_LENGTHS.values()))  # limits a zip bomb
    except zlib.error:
        return DiskHead(compressed=True, problem="is a damaged gzip stream")
    return _read_plain(plain, compressed=True, whole=stream.eof or len(start) < HEAD_BYTES)


def _read_plain(disk: bytes, compressed: bool, whole: bool) -> DiskHead:
    """Reads an uncompressed disk. `whole`: the object contains only these bytes."""
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
    """Returns why no volume can be made from a qcow2 disk, or "". Contains no text from the header, which may come from
    elsewhere."""
    _, _, backing_file, _, _, size, encryption = _HEADER.unpack_from(disk)
    features = _FEATURES.unpack_from(disk)[0] if version == 3 else 0
    if version not in _LENGTHS:
        return f"is of qcow version {version}; only 2 and 3 are supported"
    if backing_file:
        return "contains only the differences to another file, its backing file"
    if encryption:
        return "is encrypted"
    if features & _DATA_FILE:
        return "keeps its content in another file"
    if features & _CORRUPT:
        return "is marked as corrupt"
    return "" if 0 < size <= _LARGEST else f"is {size} bytes large, according to its header"
