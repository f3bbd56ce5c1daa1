#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir packets -r and -w without the kernel: whole files, damaged ones, rotation. No root."""
import os
import pathlib
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "kernel"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import lib
import schema

CAPTURE = lib.ROOT / "tests/fuzz/packets.d/both.pcapng"  # 25 packets of ping, nc and the kernel
FRAME = bytes.fromhex("020000000007 020000000005 0800" "4500001d00010000401100000a0900010a090002" "13891389000900" "0061"
                      .replace(" ", "")) + b"x"


def weir(*argv, **options):
    return lib.weir("packets", *argv, **options)


def json(file, *argv):
    ended = weir("-r", file, "-o", "json", *argv)
    assert not ended.status, ended
    return ended.rows


def pcap(order, magic, frames):
    unit = 1 if magic == 0xa1b23c4d else 1000
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for i, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1700000000 + i, 123456000 // unit, len(frame), len(frame) + 7) + frame
    return out


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(*blocks):
    return block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + b"".join(blocks)


def interface(name, *options):
    return block(1, struct.pack("<HHI", 1, 0, 0) + option(2, name.encode()) + b"".join(options))


def packet(number, *options):
    head = struct.pack("<5I", number, 0, 0, len(FRAME), len(FRAME))
    return block(6, head + FRAME + bytes(-len(FRAME) % 4) + b"".join(options))


class Read(unittest.TestCase):
    def file(self, data):
        file = tempfile.NamedTemporaryFile()
        file.write(data)
        file.flush()
        self.addCleanup(file.close)
        return file.name

    def test_schema_and_owners(self):
        rows = json(CAPTURE)
        self.assertEqual(len(rows), 25)
        self.assertIsNone(schema.wrong("packets", rows))
        self.assertEqual({r["comm"] for r in rows}, {"", "nc", "ping"})
        self.assertEqual({r["at"] for r in rows}, {"tc", "xdp"})
        self.assertEqual({r["device"] for r in rows}, {"v0"})
        self.assertEqual(len(json(CAPTURE, "-c", "nc")), sum(r["comm"] == "nc" for r in rows))

    def test_same_time(self):
        """Two packets of one instant are two packets: each has its own headers."""
        longer = FRAME[:16] + struct.pack("!H", 28 + 23) + FRAME[18:38] + struct.pack("!H", 8 + 23) + FRAME[40:42] + b"y" * 23
        data = pcap("<", 0xa1b23c4d, [FRAME, longer])
        at = 24 + 16 + len(FRAME)
        rows = json(self.file(data[:at] + data[24:32] + data[at + 8:]))
        self.assertEqual(rows[0]["time"], rows[1]["time"])
        self.assertEqual([r["packet"]["payload_bytes"] for r in rows], [1, 23])

    def test_filter_of_other_links(self):
        """Packets of raw IP have no Ethernet addresses: one sentence says that none can pass."""
        data = pcap("<", 0xa1b2c3d4, [FRAME[14:], FRAME[14:]])
        file = self.file(data[:20] + struct.pack("<I", 101) + data[24:])
        self.assertEqual(len(json(file, "udp")), 2)
        ended = weir("-r", file, "-o", "json", "ether host 02:00:00:00:00:07")
        self.assertEqual(ended.rows, [])
        self.assertEqual(ended.words.count("packets of link type 101 are left out"), 1)

    def test_interfaces(self):
        """Each has its own name, wherever it was described, also in what is written of it."""
        def own(netns, ifindex):
            return option(2989, struct.pack("<6I", 32473, 0x72696577, 3, netns, ifindex, 0))

        some = [interface("a0", own(11, 2)), interface("b0", own(22, 2)), interface("c0", own(11, 2 + 4096))]
        for data, names in ((section(*some, *map(packet, (0, 1, 2, 0))), ["a0", "b0", "c0", "a0"]),
                            (section(interface("a0"), packet(0)) + section(interface("b0"), packet(0)), ["a0", "b0"])):
            file = self.file(data)
            self.assertEqual([r["device"] for r in json(file)], names)
            self.assertEqual(weir("-r", file, "-w", file + ".again").status, 0)
            self.addCleanup(os.unlink, file + ".again")
            self.assertEqual([r["device"] for r in json(file + ".again")], names)

    def test_sections_of_two_machines(self):
        """Namespaces and devices have the same numbers on both; what is written keeps them apart, too."""
        own = option(2989, struct.pack("<6I", 32473, 0x72696577, 3, 11, 2, 0))
        file = self.file(b"".join(section(interface(name, own), packet(0)) for name in ("a0", "b0", "a0")))
        self.assertEqual(weir("-r", file, "-w", file + ".again").status, 0)
        self.addCleanup(os.unlink, file + ".again")
        for name in file, file + ".again":
            self.assertEqual([r["device"] for r in json(name)], ["a0", "b0", "a0"])

    def test_many_interfaces(self):
        """More than a writer remembers: containers come and go."""
        names = [f"v{i}" for i in range(1100)]
        file = self.file(section(*map(interface, names), *map(packet, range(1100)), packet(1099), packet(0)))
        self.assertEqual(weir("-r", file, "-w", file + ".again").status, 0)
        self.addCleanup(os.unlink, file + ".again")
        self.assertEqual([r["device"] for r in json(file + ".again")], [*names, "v1099", "v0"])

    def test_many_owners(self):
        """Who comes with the first packet is known with the last, whoever comes between."""
        def owner(number, pid):
            who = struct.pack("<IIIIIIIIQ16s", 0x72696577, 1, number, pid, pid, 0, 0, 0, 0, b"x")
            return block(0xbad, struct.pack("<I", 32473) + who)

        def owned(number):
            return packet(0, option(2989, struct.pack("<4I", 32473, 0x72696577, 2, number)))

        # 1024 is how many a reader keeps; these are at other places than the first one
        between = [b for pid in range(1, 1200) if pid % 1024 != 900 % 1024 for b in (owner(2, pid), owned(2))]
        data = section(interface("a0"), owner(1, 900), owned(1), *between, owned(1), owner(3, 900 + 1024),
                       *3 * [owned(3), owned(1)])  # at one place
        file = self.file(data)
        self.assertEqual(weir("-r", file, "-w", file + ".again").status, 0)
        self.addCleanup(os.unlink, file + ".again")
        for name in file, file + ".again":
            pids = [r["pid"] for r in json(name)]
            self.assertEqual([pids[0], *pids[-7:]], [900, 900, *3 * [1924, 900]])

    def test_nothing_known(self):
        """Packets of a file whose records have no word but 0s: of BSD's loopback."""
        data = pcap("<", 0xa1b2c3d4, [bytes(4) + FRAME[14:]])
        file = self.file(data[:20] + bytes(4) + data[24:])
        self.assertEqual(weir("-r", file, "-w", file + ".again").status, 0)
        self.addCleanup(os.unlink, file + ".again")
        self.assertEqual([(r["link"], r["captured"]) for r in json(file + ".again")], [(0, len(FRAME) - 10)])

    def test_padding_is_no_payload(self):
        """Behind a payload that ends after a word there is Ethernet's padding, which is no path."""
        tcp = struct.pack("!HHIIBBHHH", 1, 2, 0, 0, 0x50, 16, 9, 0, 0)
        for payload, told in (b"ABCDEFGH ", None), (b"ABCDEFGH /", "ABCDEFGH /"):
            length = struct.pack("!H", 40 + len(payload))
            frame = FRAME[:16] + length + FRAME[18:23] + b"\6" + FRAME[24:34] + tcp + payload + b"/pad"
            self.assertEqual(json(self.file(pcap("<", 0xa1b2c3d4, [frame])))[0]["packet"].get("http"), told)

    def test_first_day(self):
        """A capture that begins in 1970: the time of day west of Greenwich is of the day before."""
        file = self.file(pcap("<", 0xa1b23c4d, [FRAME]).replace(struct.pack("<I", 1700000000), bytes(4)))
        for zone, time in ("UTC", b"00:00:00.123456"), ("EST5", b"19:00:00.123456"), ("XXX-14", b"14:00:00.123456"):
            self.assertEqual(weir("-r", file, "-q", env={**os.environ, "TZ": zone}).out.split()[0], time)

    def test_links(self):
        """The same packet behind the headers of other kinds of captures (tcpdump.org/linktypes.html): as tcpdump -i any
        has them, of BSD's loopback, of bare IP. Which way it goes is told where the file says so."""
        def of(link, head):
            data = pcap("<", 0xa1b2c3d4, [head + FRAME[14:]])
            return self.file(data[:20] + struct.pack("<I", link) + data[24:])
        want = json(self.file(pcap("<", 0xa1b2c3d4, [FRAME])))[0]
        self.assertEqual((want["direction"], want["at"], want["device"]), (None, None, None))
        mac = FRAME[6:12] + b"\0\0"
        for link, head, way in (
                (113, struct.pack("!HHH", 0, 1, 6) + mac + b"\x08\0", "in"), (113, struct.pack("!HHH", 4, 1, 6) + mac + b"\x08\0", "out"),
                (276, struct.pack("!HHIHBB", 0x800, 0, 9, 1, 4, 6) + mac, "out"), (276, struct.pack("!HHIHBB", 0x800, 0, 9, 1, 2, 6) + mac, "in"),
                (0, b"\2\0\0\0", None), (108, b"\0\0\0\2", None), (101, b"", None), (228, b"", None)):
            file = of(link, head)
            for name in file, file + ".again":
                row, = json(name, "udp port 5001")
                self.assertIsNone(schema.wrong("packets", [row]))
                self.assertEqual((row["direction"], row["at"], row["link"]), (way, None, link))
                self.assertEqual({k: row["packet"].get(k) for k in ("ip", "udp", "payload_bytes")},
                                 {k: want["packet"][k] for k in ("ip", "udp", "payload_bytes")}, (link, row))
                if link in (113, 276):
                    self.assertEqual((row["packet"]["cooked"]["src"], row["packet"]["cooked"]["type"]), ("02:00:00:00:00:05", 0x800))
                self.assertEqual(json(name, "udp port 5002"), [])
                self.assertEqual(weir("-r", file, "-w", file + ".again").status, 0)
            os.unlink(file + ".again")

    def test_filter(self):
        rows = json(CAPTURE)
        for words, kind in (("tcp", "tcp"), ("arp", "arp"), ("icmp6 or ip6 protochain 58", "icmpv6"), ("udp", "udp")):
            self.assertEqual(json(CAPTURE, words), [r for r in rows if kind in r["packet"]], words)

    def test_byte_orders(self):
        want = None
        for order in "<>":
            for magic in (0xa1b2c3d4, 0xa1b23c4d):
                rows = json(self.file(pcap(order, magic, 7 * [FRAME])))
                self.assertEqual(len(rows), 7)
                self.assertEqual(rows[3]["time"], "2023-11-14T22:13:23.123456000Z")
                self.assertEqual((rows[0]["captured"], rows[0]["length"]), (len(FRAME), len(FRAME) + 7))
                self.assertEqual(rows[0]["packet"]["udp"]["src_port"], 5001)
                want = want or rows
                self.assertEqual(rows, want)

    def test_written_again(self):
        """What is written of what was read is the same, with owners, places and times."""
        with tempfile.TemporaryDirectory() as folder:
            ended = weir("-r", CAPTURE, "-w", f"{folder}/again")
            self.assertEqual((ended.status, ended.out), (0, b""), ended)
            self.assertEqual(json(f"{folder}/again"), json(CAPTURE))

    def test_damaged(self):
        """Cut off anywhere: what is whole is told, then a sentence; never worse."""
        for data in (CAPTURE.read_bytes(), pcap("<", 0xa1b2c3d4, 3 * [FRAME])):
            whole = weir("-r", self.file(data), "-q").lines
            for end in [*range(0, 60), *range(60, len(data), 97)]:
                ended = weir("-r", self.file(data[:end]), "-q")
                self.assertIn(ended.status, (0, 1))
                self.assertEqual(ended.lines, whole[:len(ended.lines)])
                if ended.status:
                    self.assertRegex(ended.words, r"^weir: .*(cut off|neither pcap)")
        ended = weir("-r", self.file(b"\0" * 100))
        self.assertRegex(ended.words.splitlines()[0], "is neither pcap nor pcapng$")
        huge = self.file(CAPTURE.read_bytes()[:48] + struct.pack("<II", 1, 0xfffffff0))
        self.assertIn("impossible length", weir("-r", huge).words)

    def test_words(self):
        for argv, say in ((("-r", "/none/such"), "cannot read /none/such: No such file"),
                          (("-r", CAPTURE, "-w", "/dev/full"), "cannot write to /dev/full: No space left"),
                          (("-r", CAPTURE, "-w", "/none/such"), "cannot write to /none/such"),
                          (("-r", "x" * 10000), "cannot read xxx")):
            ended = weir(*argv)
            self.assertEqual(ended.status, 1, ended)
            self.assertIn(say, ended.words)
        for argv in (("-r", CAPTURE, "-i", "lo"), ("-C", 1), ("-w", "-", "-C", 1, "-r", CAPTURE), ("-W", 2, "-w", "x"),
                     ("-r", CAPTURE, "--summary"), ("-r", CAPTURE, "-s", "60"), ("-r", CAPTURE, "tcp andd"),
                     ("--summary", "-o", "csv"), ("-s", "65536")):
            self.assertEqual(weir(*argv).status, 2, argv)


class Rotate(unittest.TestCase):
    def test_size(self):
        """As tcpdump: FILE, FILE1, FILE2...; with -W these are used again."""
        with tempfile.TemporaryDirectory() as folder:
            big = f"{folder}/big"
            pathlib.Path(big).write_bytes(pcap("<", 0xa1b2c3d4, 70 * [FRAME + 60000 * b"y"]))
            self.assertEqual(weir("-r", big, "-w", f"{folder}/a", "-C", 1).status, 0)
            names = ["a", "a1", "a2", "a3", "a4"]
            self.assertEqual(sorted(os.listdir(folder)), [*names, "big"])
            self.assertEqual([len(json(f"{folder}/{name}")) for name in names], [17, 17, 17, 17, 2])
            self.assertEqual(weir("-r", big, "-w", f"{folder}/b", "-C", 1, "-W", 3).status, 0)
            self.assertEqual([len(json(f"{folder}/b{i}")) for i in range(3)], [17, 2, 17])

    def test_time(self):
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/in"
            pathlib.Path(file).write_bytes(pcap("<", 0xa1b2c3d4, 9 * [FRAME]))
            ended = weir("-r", file, "-w", f"{folder}/t-%s", "-G", 3, env={**os.environ, "TZ": "UTC"})
            self.assertEqual(ended.status, 0, ended)
            self.assertEqual({n: len(json(f"{folder}/{n}")) for n in os.listdir(folder) if n != "in"},
                             {f"t-{1700000000 + i}": 3 for i in (0, 3, 6)})
            ended = weir("-r", file, "-w", f"{folder}/u-%s", "-G", 3, "-W", 2)
            self.assertEqual(sum(len(json(f"{folder}/{n}")) for n in os.listdir(folder) if n[0] == "u"), 6)


if __name__ == "__main__":
    unittest.main()
