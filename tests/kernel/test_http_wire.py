#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir http --at: requests from packets, against nginx's log; and, without any process, in every order."""
import itertools
import os
import random
import socket
import struct
import time
import unittest

import lib
import net
import test_http
import test_http2

CLIENT, SERVER = (b"\x0a\x63\0\1", 40000), (b"\x0a\x63\0\2", 80)  # 10.99.0.x: nobody's
CLIENT6, SERVER6 = (b"\xfd\x99" + bytes(13) + b"\1", 40000), (b"\xfd\x99" + bytes(13) + b"\2", 80)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MOST = (1 << 32) - 1


def segment(source, to, seq, ack, flags, data=b"", tag=b""):
    """A frame of Ethernet."""
    tcp = struct.pack("!HHIIBBHHH", source[1], to[1], seq & MOST, ack & MOST, 0x50, flags, 65535, 0, 0) + data
    if len(source[0]) == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source[0] + to[0]
    else:
        ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + source[0] + to[0]
    return b"\2\0\0\0\0\7\2\0\0\0\0\5" + tag + (b"\x08\0" if len(source[0]) == 4 else b"\x86\xdd") + ip + tcp


class Wire:
    """A connection of nobody's: what the client says arrives at w0, what the server says leaves there, or arrives, too."""

    def __init__(self, pair, *options, mirrored=False, tag=b""):
        self.out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.out.bind(("w0", 0))
        self.far = pair.far_socket
        self.mirrored, self.tag, self.port = mirrored, tag, 40000
        self.live = lib.Live("-o", "json", "--interface", "w0", *options, tool="http")

    def begin(self, seqs=(1000, 5000), family=4):
        self.port += 1
        self.client = ((CLIENT if family == 4 else CLIENT6)[0], self.port)
        self.server = SERVER if family == 4 else SERVER6
        self.seqs = [seqs[0] + 1, seqs[1] + 1]
        self.raw("c", seqs[0], 0, SYN)
        self.raw("s", seqs[1], seqs[0] + 1, SYN | ACK)

    def raw(self, who, seq, ack, flags, data=b""):
        ends = (self.client, self.server) if who == "c" else (self.server, self.client)
        to = self.far if who == "c" or self.mirrored else self.out
        to.send(segment(*ends, seq, ack, flags, data, self.tag))

    def say(self, who, data, cuts=(), order=None, flags=PSH | ACK):
        """In pieces, in an order of their numbers."""
        me = "cs".index(who)
        places = [0, *cuts, len(data)]
        pieces = [(self.seqs[me] + a, data[a:b]) for a, b in zip(places, places[1:])]
        for i in order or range(len(pieces)):
            self.raw(who, pieces[i][0], self.seqs[1 - me], flags, pieces[i][1])
        self.seqs[me] += len(data)

    def end(self):
        self.raw("c", self.seqs[0], self.seqs[1], FIN | ACK)
        self.raw("s", self.seqs[1], self.seqs[0] + 1, FIN | ACK)
        self.raw("c", self.seqs[0] + 1, self.seqs[1] + 1, ACK)

    def rows(self):
        time.sleep(0.2)
        ended = self.live.stop()
        self.words = ended.words
        self.out.close()
        assert ended.status == 0 and lib.account(ended)[1] == 0, ended
        wrong = test_http.schema.wrong("http", ended.rows)
        assert wrong is None, wrong
        return ended.rows


def enter(pid):
    lib.libc.setns(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY), 0)


class Packets(unittest.TestCase):
    maxDiff = 6000

    def setUp(self):
        self.pair = net.Pair()
        self.pair.__enter__()
        self.addCleanup(self.pair.__exit__)
        enter(self.pair.far.pid)
        try:
            self.pair.far_socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.pair.far_socket.bind(("w1", 0))
        finally:
            lib.libc.setns(self.home, 0)
        self.addCleanup(self.pair.far_socket.close)

    @classmethod
    def setUpClass(cls):
        cls.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def check(self, wire, *want):
        rows = wire.rows()
        self.assertEqual([test_http.brief(r) for r in rows], list(want), wire.words)
        who = (None, None, "") if wire.mirrored else (os.getpid(), 0, "python3")  # who put it on the wire
        self.assertEqual({(r["side"], r["pid"], r["uid"], r["comm"]) for r in rows}, {("server", *who)})
        return rows

    def split(self, *options, **more):
        """Split at every byte; four pieces in each order; all again, and overlapping; numbers that wrap."""
        wire = Wire(self.pair, *options, **more)
        request, answer = test_http.GET % 1, test_http.OK
        one = ("GET", "/a1", 200, len(request), len(answer))
        n = 0
        wire.begin()
        for at in range(1, len(request)):
            wire.say("c", request, [at], [1, 0] if at % 2 else [0, 1])
            wire.say("s", answer, [at % (len(answer) - 1) + 1], [0, 1] if at % 3 else [1, 0])
            n += 1
        wire.end()
        wire.begin((MOST - 100, MOST - 9))
        for order in itertools.permutations(range(4)):
            wire.say("c", request, [10, 20, 50], [*order, order[0]])
            wire.seqs[0] -= 7  # again, the last 7 bytes
            wire.say("c", request[-7:])
            wire.say("s", answer, [5, 17, 30], order)
            n += 1
        wire.end()
        wire.begin(family=6)
        wire.say("c", request, [9], [1, 0])
        wire.say("s", answer)
        wire.end()
        rows = self.check(wire, *[one] * (n + 1))
        self.assertEqual((rows[-1]["address"], rows[-1]["local_address"]), ("fd99::1", "fd99::2"))
        self.assertEqual((rows[0]["address"], rows[0]["port"], rows[0]["local_port"]), ("10.99.0.1", 40001, 80))

    def test_split_at_tc(self):
        self.split("--at", "tc")

    def test_split_at_xdp(self):
        self.split("--at", "xdp")

    def test_split_mirrored(self):
        """Both directions arrive, with a tag: what a switch's mirror sends."""
        self.split("--at", "xdp", mirrored=True, tag=b"\x81\0\0\7")

    def test_http2(self):
        """Frames over packets that come in any order."""
        random.seed(5)
        wire = Wire(self.pair, "--at", "tc")
        wire.begin()
        f = test_http2
        asks = [f.frame(f.HEADERS, 5, i, f.ASK if i == 1 else f.AGAIN) for i in (1, 3, 5, 7)]
        answers = [f.frame(f.HEADERS, 4, i, f.OK) + f.frame(f.DATA, 1, i, bytes(3000)) for i in (1, 3, 5, 7)]
        for who, data in (("c", f.PREFACE + f.frame(f.SETTINGS, 0, 0) + b"".join(asks)), ("s", b"".join(answers))):
            cuts = sorted(random.sample(range(1, len(data)), 40))
            order = list(range(41))
            random.shuffle(order)
            wire.say(who, data, cuts, order)
        wire.end()
        self.check(wire, *[("GET", "/first", 200, len(a), len(b)) for a, b in zip(asks, answers)])

    def test_hole(self):
        """A segment that nobody sees and the other end has: the request is unsure, what follows is found again."""
        wire = Wire(self.pair, "--at", "tc")
        request, answer = test_http.GET % 1, test_http.OK
        wire.begin()
        wire.say("c", request, [5, 60], [0, 2])  # 1 is lost
        wire.say("s", answer)
        wire.say("c", request)
        wire.say("s", answer)
        wire.raw("c", wire.seqs[0] + (1 << 28), wire.seqs[1], PSH | ACK, request)  # far beyond any window
        for i in range(300):  # more than is held
            wire.raw("c", wire.seqs[0] + 100000 + 2 * i, wire.seqs[1], PSH | ACK, b"x")
        wire.raw("s", wire.seqs[1], wire.seqs[0], RST)
        rows = [r for r in wire.rows() if r["method"]]
        self.assertEqual([test_http.brief(r)[:3] for r in rows], [("GET", "/a1", 200)], wire.words)

    def test_later(self):
        """Of any interface: one that comes after the start; --summary still has one report."""
        live = lib.Live("-o", "json", "--at", "tc", "--summary", tool="http")
        net.sh("ip link add w5 type veth peer name w6; ip link set w5 up; ip link set w6 up")
        self.addCleanup(lib.run, "ip", "link", "del", "w5")
        time.sleep(0.8 * lib.SLOW)
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.addCleanup(out.close)
        out.bind(("w5", 0))
        for i in range(7):
            ask, answer = (CLIENT[0], 30000 + i), SERVER
            out.send(segment(ask, answer, 1, 0, SYN))
            out.send(segment(ask, answer, 2, 1, ACK | PSH, test_http.GET % i))
            out.send(segment(ask, answer, 2 + len(test_http.GET % i), 1, RST))
        time.sleep(0.2)
        ended = live.stop()
        self.assertIn("w5 is new, and traced from now on", ended.words)
        # as w5's sender and as w6's receiver have them; answered by nobody
        self.assertEqual(sorted((r["side"], r["requests"], r["errors"]) for r in ended.rows), [("client", 1, 1)] * 7 + [("server", 1, 1)] * 7)

    def test_nothing_left(self):
        with lib.NothingLeft():
            Wire(self.pair, "--at", "xdp").rows()


class Nginx(unittest.TestCase):
    maxDiff = 6000

    def servers(self, *options):
        """Both sides of each request, whose processes are known."""
        with test_http.Nginx() as nginx:
            with lib.Live("-o", "json", "--interface", "lo", "--port", test_http.PORT, *options, tool="http") as live:
                count = test_http.by_curl() + test_http.by_python()
                count += test_http.pipelined(test_http.REQUESTS - count)
                lib.wait_for(lambda: len(nginx.log()) >= count, "nginx's log")
                ended = live.stop()
            log = nginx.log()
        test_http.Http.compare(self, ended, log)
        self.assertEqual({r["comm"] for r in ended.rows if r["side"] == "server"}, {"nginx"})
        self.assertEqual({r["comm"] for r in ended.rows if r["side"] == "client"}, {"curl", "python3"})

    def test_tc(self):
        self.servers("--at", "tc")

    def test_xdp(self):
        self.servers("--at", "xdp")

    @lib.once
    def test_refusals(self):
        for words in (["--at", "left"], ["--interface", "lo"], ["--snap", "200"], ["--at", "tc", "--tls"],
                      ["--at", "tc", "--interface", "nothere"]):
            ended = lib.weir("http", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)


if __name__ == "__main__":
    lib.main()
