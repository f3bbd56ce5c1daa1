#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir tcprtt: the smoothed round-trip time, once for each segment that comes in."""
import contextlib
import ctypes
import json
import os
import re
import socket
import struct
import sys
import tempfile
import time
import unittest

import drop_work
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

EVERY_WAY = True
DELAY = 53  # ms


def live(*argv):
    return lib.Live("--netns", os.getpid(), *argv, tool="tcprtt")


def disconnect(sock):
    family = struct.pack("=H14x", socket.AF_UNSPEC)
    if ctypes.CDLL(None, use_errno=True).connect(sock.fileno(), family, len(family)):
        raise OSError(ctypes.get_errno(), "connect")


class Tcprtt(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.wire = drop_work.Wire()

    @classmethod
    def tearDownClass(cls):
        cls.wire.close()

    def rows(self, ended, report="total"):
        self.assertEqual(ended.status, 0, ended)
        rows = [r for r in ended.rows if r["report"] == report]
        self.assertIsNone(schema.wrong("tcprtt", rows))
        if report == "total":
            self.assertEqual(lib.account(ended), (sum(r["segments"] for r in rows), 0), ended.words)
        for row in rows:
            self.assertEqual(sum(b["count"] for b in row["histogram_us"]), row["segments"])
        return rows

    def talk(self, sport, segments, delay):
        """A connection whose handshake takes so long, and so many segments on it; its measured time in us."""
        peer = drop_work.Peer(self.wire, sport, delay / 1000)
        self.took = peer.took
        for i in range(segments):
            peer.send(drop_work.ACK, payload=b"seven b", seq=peer.seq + 7 * i)
        time.sleep(0.1)
        out = lib.run("ss", "-tniO", "sport", "=", f":{drop_work.OPEN + sport}", "dst", drop_work.AWAY).out
        return round(float(re.search(rb"\brtt:([0-9.]+)/", out)[1]) * 1000)

    def near(self, row, us, key="p50_us"):
        self.assertLessEqual(abs(row[key] - us), us * 0.0625 + 1, row)

    def test_remote(self):
        """The number of segments, and ss's own time."""
        with live("-o", "json") as weir:
            us = self.talk(11, 37, DELAY)
            rows = self.rows(weir.stop())
        self.assertEqual([(r["address"], r["segments"]) for r in rows], [(drop_work.AWAY, 37)])
        self.near(rows[0], us)
        self.assertGreaterEqual(rows[0]["max_us"], DELAY * 1000)
        self.assertLess(rows[0]["max_us"], self.took * 1e6)

    def test_by(self):
        """Two connections: by port, by connection, by process, and all in one."""
        bys = ("port", "local", "connection", "process", "all")
        with contextlib.ExitStack() as stack:
            weirs = [stack.enter_context(live("-o", "json", "--by", by)) for by in bys]
            us = {12: self.talk(12, 11, DELAY), 13: self.talk(13, 17, 2)}
            port, local, connection, process, every = [self.rows(w.stop()) for w in weirs]
        self.assertEqual({r["port"]: r["segments"] for r in port}, {12: 11, 13: 17})
        self.assertEqual({r["local_port"]: r["segments"] for r in local}, {drop_work.OPEN + 12: 11, drop_work.OPEN + 13: 17})
        for row in connection:
            self.assertEqual((row["address"], row["local_port"] - row["port"]), (drop_work.AWAY, drop_work.OPEN))
            self.near(row, us[row["port"]])
        # without functions, whose an accepted socket is turns out later: two rows then
        self.assertEqual(len({r["port"] for r in connection}), 2)
        self.assertEqual(sum(r["segments"] for r in connection), 28)
        self.assertEqual(sum(r["segments"] for r in process), 28)
        self.assertLessEqual({r["pid"] for r in process}, {os.getpid(), None})
        self.assertEqual([r["segments"] for r in every], [28])

    def test_filters(self):
        with contextlib.ExitStack() as stack:
            weirs = [stack.enter_context(live("-o", "json", *words)) for words in
                     (("--port", "15"), ("--slower", "300ms"), ("-6",), ("--host", "10.9.0.0/24", "--by", "port"))]
            self.talk(14, 7, 8 * DELAY)
            self.talk(15, 5, 2)
            port, slow, six, host = [self.rows(w.stop()) for w in weirs]
        self.assertEqual([r["segments"] for r in port], [5])
        self.assertEqual([r["segments"] for r in slow], [7])
        self.assertEqual(six, [])
        self.assertEqual({r["port"]: r["segments"] for r in host}, {14: 7, 15: 5})

    def test_one_socket(self):
        """It is connected to one, then to another, many times: each segment in its row, as the socket counted them."""
        want = {"127.0.0.5": 0, "127.0.0.6": 0}
        with live("-o", "json") as weir, socket.create_server(("0.0.0.0", 0)) as listener, socket.socket() as sock:
            for turn in range(80):
                address = list(want)[turn % 2]
                sock.connect((address, listener.getsockname()[1]))
                with listener.accept()[0] as other:
                    for _ in range(9):
                        sock.sendall(b"x")
                        other.recv(1)
                        other.sendall(b"y")
                        sock.recv(1)
                    segments = struct.unpack("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)[140:])[0]
                    want[address] += segments - 1  # the answer to its SYN came before it was established
                    disconnect(sock)
            rows = self.rows(weir.stop())
        self.assertEqual({r["address"]: r["segments"] for r in rows if r["address"] in want}, want)

    def test_intervals(self):
        """A connection whose time stays the same: the segments of one interval are told before those of the next come."""
        with live("-o", "json", "-i", "100ms") as weir:
            def told():
                lines = os.pread(weir.out.fileno(), 1 << 20, 0).decode().rpartition("\n")[0].splitlines()
                return sum(json.loads(line)["segments"] for line in lines)

            peer = drop_work.Peer(self.wire, 18, DELAY / 1000)
            sent = 0
            for segments in (7, 11, 5, 3):
                for _ in range(segments):
                    peer.send(drop_work.ACK, payload=b"seven b", seq=peer.seq + 7 * sent)
                    sent += 1
                lib.wait_for(lambda: told() == sent, f"the interval's row after {sent} segments")

    def test_record(self):
        with tempfile.NamedTemporaryFile() as file:
            with live("--record", file.name, "--by", "port") as weir:
                self.talk(16, 13, DELAY)
                weir.stop()
            rows = self.rows(lib.weir("replay", file.name, "-o", "json"))
            self.assertEqual([(r["port"], r["segments"]) for r in rows], [(16, 13)])
            text = lib.weir("replay", file.name).out.decode()
            self.assertRegex(text, r"(?m)^ +16 +13 +\d+ .*\n\[\d+K, \d+K\) +13 \|@+\|$")
            refused = lib.weir("replay", file.name, "-p", "1")
            self.assertIn("cannot be taken apart", refused.words)

    @unittest.skipUnless(lib.SLOW > 1, "netem, and a peer that sees the whole machine: emulated kernels only")
    def test_netem(self):
        """A delay of 53 ms both ways, and tcprtt of libbpf-tools beside it."""
        if not drop_work.sh(f"tc qdisc add dev lo root netem delay {DELAY}ms"):
            self.skipTest("this kernel has no netem")
        self.addCleanup(drop_work.sh, "tc qdisc del dev lo root")
        peer = lib.Peer(self, "tcprtt", "-m")
        with live("-o", "json") as weir, socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            with socket.create_connection(listener.getsockname()) as sock, listener.accept()[0] as other:
                for _ in range(7):
                    sock.sendall(b"x")
                    other.recv(1)
                    other.sendall(b"y")
                    sock.recv(1)
                out = lib.run("ss", "-tniO", "dport", "=", f":{listener.getsockname()[1]}").out
                rtt = float(re.search(rb"\brtt:([0-9.]+)/", out)[1])
                time.sleep(0.5)
            time.sleep(1)
            rows = self.rows(weir.stop())
        out = peer.stop()
        self.assertEqual([r["address"] for r in rows], ["127.0.0.1"])
        self.assertGreaterEqual(rtt, 2 * DELAY)
        self.near(rows[0], rtt * 1000)
        theirs = sum(int(n) for n in re.findall(rb"^ +\d+ -> \d+ +: (\d+) ", out, re.M))
        self.assertEqual(rows[0]["segments"], theirs, out)
        print("ss rtt", rtt, "weir p50", rows[0]["p50_us"], "segments", theirs, file=sys.stderr)

    @lib.once
    def test_bad_words(self):
        for words, said in ((("eth0",), "takes no words"), (("--by", "conection"), "did you mean connection"),
                            (("--by", "port,remote"), "one word"), (("--by-name",), "--by process")):
            ended = lib.weir("tcprtt", *words)
            self.assertEqual((ended.status, ended.out), (2, b""), words)
            self.assertIn(said, ended.words)


if __name__ == "__main__":
    lib.main()
