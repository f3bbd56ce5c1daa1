#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Replay of records that were made by hand: what they say is known, byte by byte."""
import csv
import io
import re
import struct
import tempfile
import unittest

import recording
import schema
from recording import lib, made, name, record, section, who

CGROUP, NETDEV, PROBE = 1, 2, 5  # enum name_space
DATA, ADDR, LPATH, BUCKETS, RAW, SIZE, DEVICE, TEXT = 1, 2, 10, 16, 17, 20, 21, 24  # enum sect_kind

TOOLS = ("conns", "dns", "drops", "http", "latency", "so1stbyte", "soaccept", "socketio", "socksize", "sockstat",
         "soconnect", "soconnlat", "sofamily", "soprotocol", "sormem", "tcplife", "tcpretrans", "tcprtt", "tcpsynbl",
         "tcptop", "trace")


def replay(data, *options):
    ended = recording.replay(data, "-q", *options)
    assert not ended.status, ended
    return ended.out


def json(data, *options):
    return [lib.strict_json(line) for line in replay(data, "-o", "json", *options).splitlines()]


def cells(data, *options):
    """Rows of CSV."""
    text = replay(data, "-o", "csv", *options).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def words(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


class Foreign(unittest.TestCase):
    def test_other_records(self):
        """A record that is none of the tool's is passed over: its members are not where the tool looks."""
        packet = record(recording.PACKET, 1, netns=bytes(4))
        for tool in TOOLS:
            with self.subTest(tool):
                self.assertEqual(json(made(tool, packet)), [])


class Filter(unittest.TestCase):
    def test_lost_after_count(self):
        """What was lost stands at the end, also of a run that is told in part."""
        data = made("drops", *(record(recording.DROP, i) for i in range(5)), record(recording.END, 9, lost=words(7, 11)))
        for options in ((), ("-n", "2")):
            lost = json(data, "--stats", *options)[-1]["stats"]["lost"]
            self.assertEqual((lost["ring_full"], lost["no_state"]), (7, 11), options)

    def test_short_address(self):
        """Of an address of IPv6 that is cut off, what lies behind it is no part."""
        def call(address):
            return record(recording.CALL, 1, section(ADDR, address, 1) + section(DATA, b"", 1, 5), call=b"\2\0")

        address = struct.pack("<HHI", 10, 0, 0) + bytes.fromhex("fe80000000000000" "0101000005000000") + bytes(4)
        for end, rows in (28, 1), (24, 1), (16, 0):
            self.assertEqual(len(json(made("trace", call(address[:end])), "--host", "fe80::101:0:500:0")), rows, end)


class Options(unittest.TestCase):
    def test_of_live_runs(self):
        """What help leaves out is refused, and not passed over."""
        data = made("sockstat", counted(1, 1))
        self.assertEqual(len(json(data)), 1)
        for options in ("-d", "1"), ("-i", "1"), ("--ring", "64"), ("--way", "tp"), ("--record", "/dev/null"):
            ended = recording.replay(data, *options)
            self.assertEqual((ended.status, ended.out), (2, b""), options)
        for tool, *options in (("trace", "--ret"), ("trace", "--stack"), ("trace", "--arg", "sk"), ("trace", "--many"),
                               ("trace", "--strict"), ("trace", "--io"), ("http", "--at", "tc"), ("http", "--tls"),
                               ("http", "--interface", "lo"), ("http", "-s", "128"), ("socketio", "--keys", "64"),
                               ("sockstat", "--keys", "64"), ("dns", "--timeout", "1s"),
                               ("drops", "--reason", "NO_SOCKET"), ("conns", "--", "true")):
            ended = recording.replay(made(tool), *options)
            self.assertEqual((ended.status, ended.out, len(ended.err.splitlines())), (2, b"", 1), ended)
            self.assertIn(options[0] if options[0][:2] == "--" and options[0] != "--" else "replay", ended.words)
        self.assertEqual(recording.replay(made("trace"), "connect", "--io").status, 0)


class Cgroup(unittest.TestCase):
    ROOT = 1  # kernfs gives it to the root of each hierarchy

    def test_of_another_machine(self):
        """A number that no name was recorded for stays one: here it is another cgroup's."""
        call = record(recording.CALL, 1, who=who(cgroup=self.ROOT), call=b"\1\0")
        self.assertEqual([r["cgroup"] for r in json(made("trace", call))], [self.ROOT])
        self.assertEqual([r["cgroup"] for r in json(made("trace", name(CGROUP, self.ROOT, b"/a"), call))], ["/a"])

    def test_capture(self):
        packet = record(recording.PACKET, 1, section(DATA, bytes(20)), who=who(cgroup=self.ROOT), bits=b"\x08")
        with tempfile.NamedTemporaryFile() as file:
            replay(made("packets", packet), "-w", file.name)
            rows = lib.weir("packets", "-r", file.name, "-o", "json").rows
        self.assertEqual([(r["comm"], r["cgroup"]) for r in rows], [("nc", self.ROOT)])


class Hit(unittest.TestCase):
    """Functions."""

    @staticmethod
    def hit(ts, *sections, netns=5):
        return record(recording.HIT, ts, b"".join(sections), probe=struct.pack("<H", 0), flags=b"\3",
                      netns=struct.pack("<I", netns), who=who())

    def test_device(self):
        """All but a few bytes may be in a device's name."""
        device = b'a"b\\\x1b'
        data = made("trace", name(PROBE, 0, b"function f\narg 0 8 device dev\n"),
                    self.hit(1, section(RAW, words(1), full=0), section(DEVICE, device.ljust(16, b"\0"))))
        self.assertEqual([r["args"] for r in json(data)], [{"dev": device.decode()}])

    def test_bare_message(self):
        """Without notes a message is its address, which is another one in each call."""
        data = made("trace", name(PROBE, 0, b"function f\narg 0 8 msghdr msg\n"),
                    *(self.hit(i, section(RAW, words(i << 12), full=0), section(SIZE, full=5)) for i in (1, 2)))
        self.assertEqual(replay(data, "--bare"), b"f(msg=0x1000)\nf(msg=0x2000)\n")
        self.assertEqual(replay(data).count(b" f(msg={size=5})\n"), 2)

    def test_scope(self):
        """A device's number means one of the hit's own namespace, not of whatever came before."""
        address = struct.pack("<HHI", 10, 0, 0) + bytes.fromhex("fe8000000000000000000000000000aa" "02000000")
        hits = [self.hit(1, section(RAW, words(9), full=0), section(ADDR, address), netns=n) for n in (77, 5, 77)]
        call = record(recording.CALL, 1, who=who(netns=5), call=b"\1\0")
        data = made("trace", name(PROBE, 0, b"function f\narg 0 8 sockaddr to\n"), name(NETDEV, 77 << 32 | 2, b"v0"),
                    hits[0], call, *hits[1:])
        scopes = re.findall(rb"sin6_scope_id=([^}]*)", replay(data))
        self.assertEqual(scopes, [b'if_nametoindex("v0")', b"2", b'if_nametoindex("v0")'])


class Csv(unittest.TestCase):
    """A cell has the value, without the quotes of a string; CSV's own stand around what needs them."""

    def test_http(self):
        texts = b"".join(section(TEXT, text, i) for i, text in enumerate((b"GET", b"a:8099", b'/"x",\x1b[2J')))
        data = made("http", record(recording.HTTP, 1, texts, version=b"\x0b"))
        row, = cells(data)
        self.assertEqual((row["method"], row["host"], row["path"]), ("GET", "a:8099", '/\\"x\\",\\33[2J'))

    def test_accept(self):
        unix, stream = 1, 1
        sock = struct.pack("<HHHBB", unix, stream, 0, 0, 1)
        for path, cell in (b"/run/a b\0", "/run/a b"), (b"\0abstract", r"\0abstract"):
            data = made("soaccept", record(recording.ACCEPT, 1, section(LPATH, path, 0), sock=sock, who=who()))
            self.assertEqual([r["path"] for r in cells(data)], [cell])

    def test_state(self):
        """As JSON has it."""
        established = struct.pack("<HHHBB", 2, 1, 6, 1, 3)
        data = made("conns", record(recording.CONN, 1, sock=established, event=struct.pack("<I", 5)))
        for rows in json(data), cells(data):
            self.assertEqual([r["state"] for r in rows], ["TCP_ESTABLISHED"])

    @staticmethod
    def alone(tool):
        """Columns that JSON alone has, and CSV alone, by the tool's help."""
        parts = re.split(r"\nColumns(.*):\n", lib.weir(tool, "--help").out.decode())
        names = {head: {line.split()[0] for line in lines.splitlines() if line}
                 for head, lines in zip(parts[1::2], parts[2::2])}
        return names.get(" of JSON alone", set()), names.get(" of CSV alone", set())

    def test_as_json(self):
        """The cells of each tool's rows say what JSON says, but for what help tells of one alone."""
        frm, to = bytes([127, 0, 0, 1]), bytes([10, 0, 0, 2])
        sock = struct.pack("<HHHBBHHIQ16s16s", 2, 1, 6, 1, 3, 8080, 40000, 0, 5, frm, to)
        whole = {"who": who(comm=b'a,"b"'), "sock": sock, "ret": struct.pack("<q", -111)}
        text = section(TEXT, b"a.example")
        packet = record(recording.PACKET, 1, section(DATA, bytes(60)), who=who(), link=b"\1\0", ifindex=b"\2\0\0\0")
        kinds = {"conns tcplife tcptop": record(recording.CONN, 1, event=struct.pack("<I", 3), user=who(8), **whole),
                 "dns": record(recording.DNS, 1, text, **whole), "http": record(recording.HTTP, 1, text, **whole),
                 "soaccept": record(recording.ACCEPT, 1, **whole), "soconnect": record(recording.CONNECT, 1, **whole),
                 "sormem": record(recording.RMEM, 1, full=words(1), **whole), "packets": packet,
                 "tcpretrans": record(recording.RETRANS, 1, who=who(), sock=sock),
                 "tcpsynbl": record(recording.SYNBL, 1, **whole),
                 "trace": record(recording.CALL, 1, call=b"\2\0", **whole),
                 "drops latency so1stbyte socketio socksize sockstat soconnlat sofamily soprotocol tcprtt": counted(1, 3)}
        others = ("drops", record(recording.DROP, 1, who=who())), ("trace", record(recording.HIT, 1, flags=b"\3", who=who())), (
            "latency", record(recording.LATENCY, 1, dur=words(5000), **whole))
        first = [(tool, of) for tools, of in kinds.items() for tool in tools.split()]
        self.assertEqual({tool for tool, _ in first}, {*TOOLS, "packets"})
        for tool, of in *first, *others:
            with self.subTest(tool):
                (row,), (cell,) = json(made(tool, of)), cells(made(tool, of))
                if (tool, of) in first:
                    in_json, in_csv = self.alone(tool)
                    self.assertEqual((row.keys() - cell.keys(), cell.keys() - row.keys()), (in_json & row.keys(), in_csv))
                flat = {key for key in row.keys() & cell.keys() if not isinstance(row[key], (dict, list))}
                self.assertGreater(len(flat), 4)
                self.assertEqual({key: "" if row[key] is None else str(row[key]) for key in flat},
                                 {key: cell[key] for key in flat})


class Dns(unittest.TestCase):
    """Sums of DNS: an answer whose query was not seen has no time, and is one."""
    UNANSWERED, NO_QUERY = 1, 4

    @staticmethod
    def dns(flags, spent):
        return record(recording.DNS, 1, section(TEXT, b"a.example"), flags=bytes([flags]), dur=words(spent), side=b"\1",
                      ret=struct.pack("<q", -(flags & 1)))

    def sums(self, *queries):
        rows = json(made("dns", *(self.dns(*query) for query in queries)), "--summary")
        self.assertIsNone(schema.wrong("dns_summary", rows))
        return [tuple(rows[0][k] for k in ("queries", "failed", "unanswered", "p50_ns", "p99_ns", "max_ns"))]

    def test_times(self):
        self.assertEqual(self.sums((0, 9)), [(1, 0, 0, 9, 9, 9)])
        self.assertEqual(self.sums((0, 9), (self.NO_QUERY, 0)), [(2, 0, 0, 9, 9, 9)])
        self.assertEqual(self.sums((0, 9), (self.UNANSWERED, 5000)), [(2, 1, 1, 9, 9, 9)])
        self.assertEqual(self.sums((self.NO_QUERY, 0)), [(1, 0, 0, None, None, None)])
        self.assertEqual(self.sums((self.UNANSWERED, 5000)), [(1, 1, 1, None, None, None)])

    def test_text(self):
        line = replay(made("dns", self.dns(self.UNANSWERED, 5000)), "--summary").split()
        self.assertEqual(line, [b"client", b"1", b"1", b"1", b"-", b"-", b"-", b"a.example"])


def counted(what, count):
    """A row of times, what as the tool has it: total, with one bucket."""
    return record(recording.TALLY, 1, section(BUCKETS, struct.pack("<IIQ", 20, 0, count)), events=words(count),
                  flags=b"\1", n=words(count, 20 * count, 22), key=struct.pack("<IH", 7, what))


class Spreads(unittest.TestCase):
    CONNECTED, FAILED, TO = 1, 2, 3  # what: connected and failed by process, connected by destination

    def test_failed(self):
        """Their times, and nothing of those that came about."""
        data = made("soconnlat", counted(self.CONNECTED, 3), counted(self.FAILED, 4))
        rows = json(data, "--failed")
        self.assertEqual([(r["result"], r["count"], r["p50_us"]) for r in rows], [("failed", 4, 22)])
        self.assertEqual(replay(data, "--failed").count(b"|@"), 1)

    def test_other_key(self):
        """Counts by process know no ports, those by destination no processes."""
        for what, options in (self.CONNECTED, ("--port", "80")), (self.CONNECTED, ("-4",)), (self.TO, ("-p", "7")):
            for tool in "soconnlat", "so1stbyte":
                ended = recording.replay(made(tool, counted(what, 3)), *options)
                self.assertIn("cannot be taken apart", ended.words)
        self.assertEqual(len(json(made("so1stbyte", counted(self.CONNECTED, 3)), "-p", "7")), 1)


class Drops(unittest.TestCase):
    def test_count(self):
        data = made("drops", *(record(recording.DROP, i) for i in range(5)))
        self.assertEqual(len(json(data)), 5)
        self.assertEqual(len(json(data, "-n", "2")), 2)


class Packets(unittest.TestCase):
    FRAMES = [bytes(12) + b"\x88\xb5" + bytes(i) for i in range(1, 14)]

    def test_write(self):
        """A recording becomes a capture, also one without a packet."""
        records = [record(recording.PACKET, i * 10**9, section(DATA, f), link=b"\1\0", bits=b"\1", ifindex=b"\2\0\0\0")
                   for i, f in enumerate(self.FRAMES)]
        for some in records, []:
            with tempfile.NamedTemporaryFile() as file:
                self.assertEqual(replay(made("packets", *some), "-w", file.name), b"")
                ended = lib.weir("packets", "-r", file.name, "-o", "json")
                self.assertEqual([(r["time"], r["captured"], r["direction"]) for r in ended.rows],
                                 [(f"1970-01-01T00:00:{i:02}.000000000Z", len(f), "out")
                                  for i, f in enumerate(self.FRAMES[:len(some)])])

    def test_not_here(self):
        for options in ("--summary",), ("-r", "/dev/null"), ("-s", "60"), ("--at", "xdp"), ("-i", "lo"):
            ended = recording.replay(made("packets"), *options)
            self.assertEqual((ended.status, ended.out), (2, b""), options)


class Conns(unittest.TestCase):
    IS, OPENED, CLOSED = 5, 1, 3
    OWNER = ("pid", "tid", "uid", "comm", "cgroup")
    USER = ("user_pid", "user_comm")

    def test_unknown_owner(self):
        """Of nobody all is null: an empty name and the cgroup 0 would be somebody's."""
        data = made("tcplife", record(recording.CONN, 1, event=struct.pack("<I", self.CLOSED)),
                    record(recording.CONN, 2, event=struct.pack("<I", self.CLOSED), who=who(pid=7, cgroup=9),
                           user=who(pid=8, comm=b"cat")))
        rows = json(data)
        self.assertIsNone(schema.wrong("conn", rows))
        self.assertEqual([[row[key] for key in self.OWNER + self.USER] for row in rows],
                         [[None] * 7, [7, 7, 0, "nc", 9, 8, "cat"]])
        self.assertEqual([[row[key] for key in self.OWNER + self.USER] for row in cells(data)],
                         [[""] * 7, ["7", "7", "0", "nc", "9", "8", "cat"]])

    def test_interval(self):
        """An end has bytes since the last interval, which mean nothing where there is none."""
        keys = ("interval_ns", "interval_tx_bytes", "interval_rx_bytes")
        data = made("tcplife", *(record(recording.CONN, i, event=struct.pack("<I", self.CLOSED), dtx=words(101),
                                        drx=words(0), interval_ns=words(length)) for i, length in ((1, 0), (2, 5))))
        rows = json(data)
        self.assertIsNone(schema.wrong("conn", rows))
        self.assertEqual([[row[key] for key in keys] for row in rows], [[None] * 3, [5, 101, 0]])

    def test_columns(self):
        """A key of JSON stands there once and is in the schema; what is in text alone is refused."""
        data = made("tcplife", record(recording.CONN, 1, who=who()))
        self.assertEqual(replay(data, "--columns", "comm,pid,proto"), b"nc                    7 -\n")
        self.assertEqual(json(data, "--columns", "comm,pid"), [{"comm": "nc", "pid": 7}])
        for names, options, why in (("pid,pid", (), "names 'pid' twice"), ("ms", ("-o", "json"), "'ms' is in text alone"),
                                    ("pid,proto", ("-o", "csv"), "'proto' is in text alone"),
                                    ("pidd", (), "no column 'pidd', did you mean pid; --help lists them")):
            ended = recording.replay(data, "--columns", names, *options)
            self.assertEqual((ended.status, ended.out, len(ended.err.splitlines())), (2, b"", 1), names)
            self.assertIn(why, ended.words)

    def test_help(self):
        """All names that --columns takes, by the format that has them."""
        parts = re.split(r"\nColumns(.*):\n", lib.weir("tcplife", "--help").out.decode())
        names = {head: [line.split()[0] for line in lines.splitlines() if line]
                 for head, lines in zip(parts[1::2], parts[2::2])}
        self.assertEqual(set(names), {" (names as in JSON and CSV)", " of text alone"})
        self.assertEqual(names[" of text alone"], ["proto", "ms", "tx_kb", "rx_kb", "interval_tx_kb", "interval_rx_kb"])
        data = made("tcplife", record(recording.CONN, 1))
        both = names[" (names as in JSON and CSV)"]
        self.assertEqual((list(json(data)[0]), list(cells(data)[0])), (both, both))

    def test_by(self):
        """Sockets of a snapshot are added up; changes of one connection are not as many connections."""
        def conn(event, cookie):
            return record(recording.CONN, 1, who=who(), event=struct.pack("<I", event), cookie=words(cookie))

        rows = json(made("conns", conn(self.IS, 1), conn(self.IS, 2)), "--by", "process")
        self.assertEqual([(r["pid"], r["conns"]) for r in rows], [(7, 2)])
        changes = made("conns", conn(self.OPENED, 1), conn(self.CLOSED, 1))
        self.assertEqual(len(json(changes)), 2)
        ended = recording.replay(changes, "--by", "process", "-o", "json")
        self.assertEqual(ended.out, b"")
        self.assertIn("record with --once", ended.words)


class Latency(unittest.TestCase):
    """Messages of latency --over, and its counts: what a recording has is known by its records only."""
    MESSAGES = [record(recording.LATENCY, i, dur=words(i * 1000000)) for i in range(1, 6)]

    def test_over(self):
        data = made("latency", *self.MESSAGES)
        for over, took in ("3ms", [3000, 4000, 5000]), ("1us", [1000, 2000, 3000, 4000, 5000]), ("6ms", []):
            self.assertEqual([r["total_us"] for r in json(data, "--over", over)], took)

    def test_count(self):
        for options in (), ("--over", "1us"):
            self.assertEqual([r["total_us"] for r in json(made("latency", *self.MESSAGES), "-n", "2", *options)],
                             [1000, 2000])

    def test_filters(self):
        data = made("latency", *self.MESSAGES, record(recording.LATENCY, 6, who=who(pid=8, netns=3)))
        for options in ("--netns", "/proc/self/ns/net"), ("--slower", "9s"), ("-u", "1"):
            self.assertEqual(json(data, *options), [])
        self.assertEqual(len(json(data, "-u", "0")), 6)
        ended = recording.replay(made("latency", counted(1 << 8 | 1, 3)), "-u", "0")
        self.assertIn("cannot be taken apart", ended.words)

    def test_over_of_counts(self):
        ended = recording.replay(made("latency", counted(1 << 8 | 1, 3)), "--over", "1ms")
        self.assertIn("--over is to be given while recording", ended.words)
        self.assertEqual(ended.status, 0)


if __name__ == "__main__":
    unittest.main()
