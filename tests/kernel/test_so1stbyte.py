#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir so1stbyte: the first byte of each connection, once for each side that received one."""
import collections
import os
import re
import select
import socket
import sys
import tempfile
import threading
import time
import unittest

import far
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

ME = [sys.executable, os.path.abspath(__file__)]
THINK_MS, ASK_MS = 23, 11  # of the server before it answers, of the client before it asks
# Ways to receive: the client has one after the other.
WAYS = 7


def receive(sock, how):
    """The answer, three bytes; then the rest of it by another receive, which is no first one."""
    if how == 0:
        sock.recv(1)
    elif how == 1:
        os.read(sock.fileno(), 1)
    elif how == 2:
        sock.recvmsg_into([bytearray(1)])
    elif how == 3:
        sock.recv(1, socket.MSG_PEEK)
    elif how == 4:
        os.readv(sock.fileno(), [bytearray(1)])
    elif how == 5:
        ends = os.pipe()
        os.splice(sock.fileno(), ends[1], 1)
    else:
        sock.setblocking(False)
        select.select([sock], [], [])
        sock.recv(1)
    sock.setblocking(True)
    sock.recv(100)


def serve(listener, count):
    for _ in range(count):
        sock, _ = listener.accept()
        asked = sock.recv(100)
        time.sleep(THINK_MS / 1000)
        sock.send(asked + b"ok")
        sock.recv(100)  # the end
        sock.close()


def local(rounds):
    """A server and a client: both receive a first byte on each connection."""
    count = int(rounds) * WAYS
    listener = socket.create_server(("127.0.0.1", 0), backlog=1)
    thread = threading.Thread(target=serve, args=(listener, count), daemon=True)
    thread.start()
    for i in range(count):
        sock = socket.create_connection(listener.getsockname())
        time.sleep(ASK_MS / 1000)
        sock.send(b"?")
        receive(sock, i % WAYS)
        sock.close()
    thread.join()


def silent(count):
    """Connections on which nothing is ever received, one that is refused, and a UDP exchange."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    for _ in range(int(count)):
        sock = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
        peer.close()
        assert sock.recv(1) == b""
        sock.close()
    port = listener.getsockname()[1]
    listener.close()
    socket.socket().connect_ex(("127.0.0.1", port))
    one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    one.bind(("127.0.0.1", 0))
    two.sendto(b"x", one.getsockname())
    one.recv(1)


def talk(count):
    """To a host that speaks first."""
    for _ in range(int(count)):
        sock = socket.create_connection((far.HOST, far.TALK))
        assert sock.recv(100) == far.SAYS
        sock.close()


WORK = {f.__name__: f for f in (local, silent, talk)}


def so1stbyte(*argv, program=(lib.WEIR, "so1stbyte")):
    return lib.run(*program, *argv)


class So1stbyte(unittest.TestCase):
    maxDiff = 3000

    def rows(self, *argv):
        ended = so1stbyte("-o", "json", "--stats", *argv)
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual([n for n in ended.stats["lost"].values() if n], [])
        self.assertIsNone(schema.wrong("so1stbyte", ended.rows))
        for row in ended.rows:
            self.assertEqual(sum(b["count"] for b in row["histogram_us"]), row["count"])
        return [r for r in ended.rows if r["report"] == "total"]

    def check(self, row, count, ms):
        self.assertEqual(row["count"], count, row)
        self.assertGreaterEqual(row["mean_us"], ms * 1000)
        self.assertGreaterEqual(row["histogram_us"][0]["high"], ms * 1000)
        self.assertLess(row["max_us"], (ms + 600 * lib.SLOW) * 1000)

    def test_both_sides(self):
        """Whatever receives it: recv, read, recvmsg, readv, splice, a look at it, a socket that does not wait."""
        rows = {r["side"]: r for r in self.rows("--", *ME, "local", "1")}
        self.assertEqual(set(rows), {"connect", "accept"})
        self.check(rows["accept"], WAYS, ASK_MS)
        self.check(rows["connect"], WAYS, ASK_MS + THINK_MS)

    def test_nothing_received(self):
        self.assertEqual(self.rows("--", *ME, "silent", "5"), [])

    def test_who_speaks_first(self):
        with far.Far():
            rows = self.rows("--", *ME, "talk", "3")
        self.assertEqual([r["side"] for r in rows], ["connect"])
        self.check(rows[0], 3, 2 * far.TALK)

    def test_by_destination(self):
        """On both sides it is the server's end."""
        rows = self.rows("--by", "destination", "--", *ME, "local", "1")
        self.assertEqual({r["address"] for r in rows}, {"127.0.0.1"})
        self.assertEqual(len({r["port"] for r in rows}), 1)
        self.assertEqual({r["side"]: r["count"] for r in rows}, {"connect": WAYS, "accept": WAYS})

    def test_by_stack(self):
        rows = self.rows("--stack", "--", *ME, "local", "1")
        self.assertEqual(sum(r["count"] for r in rows), 2 * WAYS)
        names = {frame.split("+")[0].strip("_") for r in rows for frame in r["stack"] or []}
        self.assertTrue({"recv", "read", "recvmsg", "readv", "splice"} <= names, names)

    def test_filters(self):
        for options, count in ((["-6"], 0), (["-4"], 2 * WAYS), (["--slower", "30ms"], None), (["-c", "nobody"], 0),
                               (["--host", "127.0.0.0/8"], 2 * WAYS)):
            rows = self.rows(*options, "--", *ME, "local", "1")
            if count is None:  # the accepting side waits 11 ms, the other 34
                self.assertEqual(sum(r["count"] for r in rows if r["side"] == "connect"), WAYS)
                continue
            self.assertEqual(sum(r["count"] for r in rows), count, options)

    def test_intervals_and_replay(self):
        with tempfile.NamedTemporaryFile() as record:
            ended = so1stbyte("-i", "0.05", "--record", record.name, "--", *ME, "local", "2")
            self.assertEqual(ended.status, 0, ended)
            rows = lib.weir("replay", record.name, "-o", "json").rows
        sums = collections.Counter()
        for row in rows:
            sums[row["report"], row["side"]] += row["count"]
        self.assertEqual(sums, {(report, side): 2 * WAYS for report in ("interval", "total") for side in ("connect", "accept")})

    def test_text(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(lib.WEIR, f"{folder}/so1stbyte")
            ended = so1stbyte("--", *ME, "local", "1", program=[f"{folder}/so1stbyte"])
        self.assertRegex(ended.lines[0], r"^ +PID COMM +SIDE +COUNT +P50\(us\) +P90\(us\) +P99\(us\) +MAX\(us\)$")
        drawn = [re.match(r"\[\S+.* (\d+) \|@* *\|$", line) for line in ended.lines]
        self.assertEqual(sum(int(m[1]) for m in drawn if m), 2 * WAYS, ended)

    def test_refusals(self):
        for words in (["connect"], ["--failed"], ["--by", "side"]):
            ended = lib.weir("so1stbyte", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)

    def test_began_before_weir(self):
        """Since when is not known: it is in no histogram."""
        listener = socket.create_server(("127.0.0.1", 0))
        sock = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
        with lib.Live("-o", "json", "-p", os.getpid(), tool="so1stbyte") as live:
            peer.send(b"x")
            sock.recv(1)
            ended = live.stop()
        self.assertEqual(ended.rows, [])


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WORK:
        WORK[sys.argv[1]](*sys.argv[2:])
    else:
        lib.main()
