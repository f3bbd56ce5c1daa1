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
NAME, TALLY, CONNECT, ACCEPT, RMEM, HIT, CONN, DROP, PACKET, RETRANS = 1, 5, 6, 7, 8, 11, 12, 13, 14, 18
SYNBL, HTTP, DNS, LATENCY = 19, 22, 23, 24
OF_SOCKETS = {CONNECT, ACCEPT, RMEM, CONN, SYNBL, HTTP, DNS, LATENCY}  # they begin with a struct sock_rec


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


def section(kind, data=b"", arg=0, full=None):
    """kind: enum sect_kind"""
    return struct.pack("<BBHI", kind, arg, len(data), len(data) if full is None else full) + padded(data)


def who(pid=7, comm=b"nc", cgroup=0, netns=0):
    return struct.pack("<IIIIQ16s", pid, pid, 0, netns, cgroup, comm)


def record(kind, ts, sections=b"", **members):
    """For made(). Members by name, bytes each; those that are not named are 0."""
    first = "s." if kind in OF_SOCKETS else ""
    return kind, ts, sections, {(first + m if m in ("dur", "ret", "who", "sock") else m): b for m, b in members.items()}


def name(space, number, text):
    """enum name_space"""
    return record(NAME, 0, text, space=struct.pack("<I", space), len=struct.pack("<I", len(text)),
                  id=struct.pack("<Q", number))


def made(tool, *records):
    """A recording whose records have these members and no others: readers take them by name."""
    places, sizes, fields = {}, {}, []
    if not records or records[-1][0] != END:
        records = [*records, record(END, 0)]
    for kind, _, _, members in records:
        first = "s." if kind in OF_SOCKETS else ""
        for member, data in [(first + "h.type", 2), (first + "h.ts", 8), *members.items()]:
            if (kind, member) not in places:
                at, size = {first + "h.type": (4, 2), first + "h.ts": (8, 8)}.get(member) or (
                    sizes.setdefault(kind, 16), len(data))
                places[kind, member] = at
                sizes[kind] = max(sizes.get(kind, 16), at + len(padded(bytes(size))))
                fields.append(struct.pack("<HHHH24s", kind, at, size, 0, member.encode()))
    size = 240 + 32 * len(fields)
    head = HEAD.pack(b"weirrec\n", 1, size, 0, len(fields)) + bytes(24) + tool.encode().ljust(16, b"\0") + bytes(176)
    out = [with_head(head[:240] + b"".join(fields))]
    for kind, ts, sections, members in records:
        fixed = bytearray(sizes[kind])
        for member, data in members.items():
            fixed[places[kind, member]:places[kind, member] + len(data)] = data
        fixed[:16] = RECORD.pack(len(fixed) + len(sections), kind, len(fixed)) + struct.pack("<Q", ts)
        out.append(frame(bytes(fixed) + sections))
    return b"".join(out)


def recordings():
    return sorted((HERE / "data").glob("*.weir"))


def replay(data, *options):
    """What weir makes of a file of these bytes."""
    import tempfile
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return lib.weir("replay", file.name, *options)
