# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""The file format of recordings once more, to take them apart and put them together (src/ring/file.h)."""
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kernel"))
import lib  # noqa: E402 (from the folder just named)

HEAD = struct.Struct("<8sIIII")  # magic, version, size, sum, nfields
FRAME = struct.Struct("<II")  # sum, size: 22 bits of it, then 7 of the place where the record is kept
SHORT = 1 << 31  # only the words that are not as in what is kept there, behind their mask
VERSION = 2
RECORD = struct.Struct("<IHH")  # len, type, fixed
MASK = (1 << 64) - 1
CALL, END = 2, 3  # enum rec_type


def checksum(data, size=None):
    size = len(data) if size is None else size
    sums = [0x9e3779b97f4a7c15 ^ size, size]
    totals = [0, 0]
    whole = data + bytes(16 - len(data) % 16)
    for at in range(0, len(whole), 8):
        lane = at // 8 % 2
        sums[lane] = (sums[lane] + int.from_bytes(whole[at:at + 8], "little")) & MASK
        totals[lane] = (totals[lane] + sums[lane]) & MASK
    h = size
    for word in (*sums, *totals):
        h = ((h ^ word) * 0xff51afd7ed558ccd) & MASK
        h ^= h >> 29
    return (h ^ h >> 32) & 0xffffffff


def padded(data):
    return data + bytes(-len(data) % 8)


def frame(data, bits=0):
    size = len(data) | bits
    return FRAME.pack(checksum(data, size), size) + padded(data)


def words(data):
    return [data[at:at + 8] for at in range(0, len(data), 8)]


def completed(kept, short):
    """The record that a short frame and what was kept make."""
    out, changed = words(kept), words(short)[1:]
    for i in range(64):
        if int.from_bytes(short[:8], "little") >> i & 1:
            out[i] = changed.pop(0)
    assert not changed
    return b"".join(out)


def shortened(kept, record):
    """The other way round; None where the two are too different."""
    if len(kept) != len(record) or kept[:8] != record[:8] or not 32 <= len(record) <= 512 or len(record) % 8:
        return None
    changed = [i for i, (a, b) in enumerate(zip(words(kept), words(record))) if a != b]
    return sum(1 << i for i in changed).to_bytes(8, "little") + b"".join(words(record)[i] for i in changed)


class Recording:
    """head: bytes; records: bytes each; starts: where each one's frame begins, and the end of all; ends: where
    each one's frame ends, but for its padding."""

    def __init__(self, data):
        self.data = data
        _, _, size, _, _ = HEAD.unpack_from(data)
        self.head, self.records, self.starts, self.ends, kept = data[:size], [], [size], [], {}
        while self.starts[-1] < len(data):
            at = self.starts[-1]
            total, size = FRAME.unpack_from(data, at)
            length, place = size & 0x3fffff, size >> 22 & 127
            record = data[at + 8:at + 8 + length]
            assert checksum(record, size) == total
            self.ends.append(at + 8 + length)
            self.starts.append(at + 8 + len(padded(record)))
            if size & SHORT:
                record = completed(kept[place], record)
            if place:
                kept[place] = record
            self.records.append(record)

    def type(self, i):
        return RECORD.unpack_from(self.records[i])[1]

    def with_records(self, records):
        return self.head + b"".join(map(frame, records))

    def with_short_frames(self):
        """The same as a writer of version 2 puts it: each record at a place by its type and length."""
        out, kept = [with_head(self.head, version=2)], {}
        for record in self.records:
            place = 1 + (RECORD.unpack_from(record)[1] * 31 + len(record) // 8) % 127
            short = shortened(kept.get(place, b""), record)
            kept[place] = record
            out.append(frame(record, place << 22) if short is None else frame(short, place << 22 | SHORT))
        return b"".join(out)


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
