# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""The file format of recordings once more, to take them apart and put them together (src/ring/file.h)."""
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kernel"))
import lib  # noqa: E402 (from the folder just named)

HEAD = struct.Struct("<8sIIII")  # magic, version, size, sum, nfields
FRAME = struct.Struct("<II")  # sum, size
RECORD = struct.Struct("<IHH")  # len, type, fixed
MASK = (1 << 64) - 1
CALL, END = 2, 3  # enum rec_type


def checksum(data):
    sums = [0x9e3779b97f4a7c15 ^ len(data), len(data)]
    totals = [0, 0]
    whole = data + bytes(16 - len(data) % 16)
    for at in range(0, len(whole), 8):
        lane = at // 8 % 2
        sums[lane] = (sums[lane] + int.from_bytes(whole[at:at + 8], "little")) & MASK
        totals[lane] = (totals[lane] + sums[lane]) & MASK
    h = len(data)
    for word in (*sums, *totals):
        h = ((h ^ word) * 0xff51afd7ed558ccd) & MASK
        h ^= h >> 29
    return (h ^ h >> 32) & 0xffffffff


def padded(data):
    return data + bytes(-len(data) % 8)


def frame(record):
    return FRAME.pack(checksum(record), len(record)) + padded(record)


class Recording:
    """head: bytes; records: bytes each; starts: where each one's frame begins, and the end of all."""

    def __init__(self, data):
        self.data = data
        _, _, size, _, _ = HEAD.unpack_from(data)
        self.head, self.records, self.starts = data[:size], [], [size]
        while self.starts[-1] < len(data):
            at = self.starts[-1]
            total, length = FRAME.unpack_from(data, at)
            record = data[at + 8:at + 8 + length]
            assert checksum(record) == total
            self.records.append(record)
            self.starts.append(at + 8 + len(padded(record)))

    def type(self, i):
        return RECORD.unpack_from(self.records[i])[1]

    def with_records(self, records):
        return self.head + b"".join(map(frame, records))


def with_head(head, **changes):
    """A head with members changed and the right sum."""
    members = dict(zip(("magic", "version", "size", "sum", "nfields"), HEAD.unpack_from(head)))
    members.update(changes, sum=0)
    head = HEAD.pack(*members.values()) + head[HEAD.size:]
    members["sum"] = checksum(head)
    return HEAD.pack(*members.values()) + head[HEAD.size:]


def recordings():
    return sorted((HERE / "data").glob("*.weir"))


def replay(data, *options):
    """What weir makes of a file of these bytes."""
    import tempfile
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return lib.weir("replay", file.name, *options)
