#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
weir packets only looks: its programs let each malformed frame pass (BPF_PROG_TEST_RUN), the verdict of tc
is left to others, and under load nothing is lost between the two ends of a cable.
"""
import ctypes
import json
import pathlib
import random
import re
import socket
import struct
import time
import unittest

import lib
import net
from net import THERE

TEST_RUN, GET_FD_BY_ID = 10, 13  # enum bpf_cmd
XDP_PASS, TC_ACT_UNSPEC = 2, 0xffffffff


def bpf(command, attr):
    room = ctypes.create_string_buffer(attr, 128)
    done = lib.libc.syscall(lib.BPF_CALL, command, room, 128)
    return done, room.raw


def run_program(fd, frame):
    """What the program returns for a frame; None where the kernel does not make such a packet."""
    data = ctypes.create_string_buffer(frame, len(frame))
    attr = struct.pack("=IIIIQQ", fd, 0, len(frame), 0, ctypes.addressof(data), 0)
    done, room = bpf(TEST_RUN, attr)
    return struct.unpack_from("=I", room, 4)[0] if done == 0 else None


def corpus():
    """Frames cut at each length, with lengths that lie, random ones, jumbo ones."""
    random.seed(7)
    ip4 = b"\x45\0\0\x28\0\0\0\0\x40\x06\0\0\x0a\x09\0\1\x0a\x09\0\2"
    ip6 = b"\x60\0\0\0\0\x14\0\x40" + 32 * b"\1"
    tcp = b"\0\x50\0\x51" + 8 * b"\0" + b"\x50\2" + 6 * b"\0"
    heads = [b"\x08\0" + ip4 + tcp, b"\x08\0\x4f" + ip4[1:] + tcp, b"\x08\0\x41" + ip4[1:], b"\x86\xdd" + ip6 + tcp,
             b"\x86\xdd\x60\0\0\0\0\0" + b"\0\x40" + 32 * b"\1" + 6 * b"\0\xff\0\0\0\0\0\0",
             b"\x86\xdd\x60\0\0\0\0\0" + b"\x2c\x40" + 32 * b"\1" + 8 * b"\x2c\0\0\0\0\0\0\0",
             b"\x81\0\0\7\x08\0" + ip4 + tcp, b"\x88\xa8\0\5\x81\0\0\7\x86\xdd" + ip6, 20 * b"\x81\0\0\7",
             b"\x08\6\0\1\x08\0\6\4\0\1", b"\0\x26\x42\x42\3"]
    for head in heads:
        frame = b"\2\0\0\0\0\7\2\0\0\0\0\5" + head
        yield from (frame[:n] for n in range(1, len(frame) + 1))
        yield from (frame.ljust(n, b"\xff") for n in (60, 128, 129, 256, 257, 512, 513, 1500, 3000))
    for n in range(14, 200):
        yield random.randbytes(n)
    for n in (1601, 3500, 4096, 9000, 9217, 20000, 40000, 60000):
        yield b"\2\0\0\0\0\7\2\0\0\0\0\5" + heads[0].ljust(n - 12, b"z")


class Pass(unittest.TestCase):
    def programs(self, weir):
        """Descriptors of the programs that weir holds, by type."""
        found, held = {}, set()
        for one in pathlib.Path(f"/proc/{weir.pid}/fdinfo").iterdir():
            held.update(map(int, re.findall(r"^prog_id:\s+(\d+)", one.read_text(), re.M)))
        for number in held:
            fd, _ = bpf(GET_FD_BY_ID, struct.pack("=I", number))
            if fd >= 0:
                for line in open(f"/proc/self/fdinfo/{fd}").read().splitlines():
                    if line.startswith("prog_type"):
                        found.setdefault(int(line.split()[1]), []).append(fd)
        return found

    def test_corpus(self):
        frames = list(corpus())
        for words in ((), ("tcp port 80 or icmp6 or len > 1000 or vlan",), ("--summary",)):
            with net.Pair(), lib.Live("-i", "w0", "--at", "both", "-s", "65535", *words, tool="packets") as weir:
                programs = self.programs(weir)
                xdp, tc = programs[6], programs[3]
                self.assertEqual((len(xdp), len(tc)), (2, 4) if words and words[0][0] != "-" else (1, 2))
                ran = {6: 0, 3: 0}
                for kind, fds, verdict in ((6, xdp, XDP_PASS), (3, tc, TC_ACT_UNSPEC)):
                    for fd in fds:
                        for frame in frames:
                            got = run_program(fd, frame)
                            ran[kind] += got is not None
                            self.assertIn(got, (verdict, None), (kind, words, frame[:80].hex(), len(frame)))
                self.assertGreater(ran[6], 0.6 * len(frames) * len(xdp))
                self.assertGreater(ran[3], 0.4 * len(frames) * len(tc))
                self.assertEqual(weir.stop().status, 0)

    def test_verdict(self):
        """What another program at tc would drop, is dropped; weir sees it before."""
        with net.Pair():
            net.sh("tc qdisc add dev w0 clsact")
            if lib.run("tc", "filter", "add", "dev", "w0", "egress", "matchall", "action", "drop").status:
                self.skipTest("this kernel has no matchall filter")
            with lib.Live("-i", "w0", "-o", "json", "udp", tool="packets") as weir:
                before = counted()
                net.udp(7, 20)
                time.sleep(0.1 * lib.SLOW)
                self.assertEqual(len(weir.stop().rows), 7)
                self.assertEqual(counted(), before)

    def test_load(self):
        """As many packets as were sent come out at the other end, and weir has told of each."""
        sent = 20000
        with net.Pair() as pair, lib.Live("-i", "w0", "--at", "both", "--ring", "65536", "-w", "/dev/null",
                                          "udp dst port 5353", tool="packets") as weir:
            before = both_ends(pair)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.connect((THERE, 5353))
                for _ in range(sent):
                    try:
                        s.send(b"x" * 64)
                    except ConnectionRefusedError:
                        s.send(b"x" * 64)
            # what left has arrived
            lib.wait_for(lambda: len({n - m for m, n in zip(before, both_ends(pair))}) == 1, "as many to arrive")
            self.assertGreaterEqual(counted() - before[0], sent)
            events, lost = lib.account(weir.stop())
        self.assertEqual((events, lost), (sent, 0))


def counted():
    return json.loads(net.sh("ip -j -s link show w0"))[0]["stats64"]["tx"]["packets"]


def both_ends(pair):
    """What has left and what has arrived, when nothing left in between."""
    while True:
        left = counted()
        arrived = json.loads(pair.there("ip -j -s link show w1"))[0]["stats64"]["rx"]["packets"]
        if counted() == left:
            return left, arrived


lib.main()
