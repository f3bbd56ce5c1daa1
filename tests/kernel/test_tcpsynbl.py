#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir tcpsynbl: queues of what listens, as ss tells them; drops, as the kernel's own counter does."""
import contextlib
import os
import pathlib
import re
import socket
import sys
import tempfile
import time
import unittest

import drop_work
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

EVERY_WAY = True
BACKLOG, LATE = 3, 7  # the queue has room for one more than the backlog; so many come too late


def live(*argv):
    return lib.Live("--netns", os.getpid(), "-i", "0.2", *argv, tool="tcpsynbl")


def dropped(name="ListenDrops"):
    names, values = re.findall(r"^TcpExt: (.*)$", pathlib.Path("/proc/net/netstat").read_text(), re.M)
    return int(values.split()[names.split().index(name)])


class Tcpsynbl(unittest.TestCase):
    maxDiff = 4000

    def rows(self, ended, report="total"):
        self.assertEqual(ended.status, 0, ended)
        self.assertIsNone(schema.wrong("tcpsynbl", ended.rows))
        return [r for r in ended.rows if r["report"] == report]

    def full(self, stack, family=socket.AF_INET):
        """A listener whose queue is full, and others that want to connect; its port, what ss says, and drops."""
        sock = stack.enter_context(socket.socket(family))
        sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        sock.listen(BACKLOG)
        before = dropped()
        for _ in range(BACKLOG + 1):
            stack.enter_context(socket.create_connection(sock.getsockname()[:2]))
        for _ in range(LATE):
            late = stack.enter_context(socket.socket(family))
            late.setblocking(False)
            late.connect_ex(sock.getsockname())
        time.sleep(0.5)
        out = lib.run("ss", "-Hltn", "sport", "=", f":{sock.getsockname()[1]}").out.split()
        return sock.getsockname()[1], [int(n) for n in out[1:3]], lambda: dropped() - before

    def test_full(self):
        with live("-o", "json") as weir, contextlib.ExitStack() as stack:
            port, queues, drops = self.full(stack)
            self.assertEqual(queues, [BACKLOG + 1, BACKLOG])
            time.sleep(0.5)
            least, ended, did = drops(), weir.stop(), drops()  # SYNs come again at any time
        self.assertGreaterEqual(least, LATE)
        rows = self.rows(ended)
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertEqual((row["pid"], row["address"], row["port"]), (os.getpid(), "127.0.0.1", port))
        self.assertEqual([row["accept_queue"], row["limit"]], queues)
        self.assertEqual((row["accept_queue_max"], row["syn_queue"]), (BACKLOG + 1, 0))
        self.assertTrue(least <= row["drops"] <= did, (least, row, did))
        self.assertIn("larger backlog in listen()", row["advice"])
        self.assertEqual(sum(r["drops"] for r in self.rows(ended, "interval")), row["drops"])

    def test_syn_queue(self):
        """Handshakes that nobody ends, from another machine."""
        wire = drop_work.Wire()
        try:
            with live("-o", "json", "--all") as weir:
                wire.listener(7207).listen(127)
                for port in range(9001, 9012):
                    wire.send(1, drop_work.tcp(7207, port, 1, 0, drop_work.SYN))
                time.sleep(0.6)
                row, = self.rows(weir.stop())
        finally:
            wire.close()
        self.assertEqual((row["port"], row["syn_queue_max"], row["accept_queue_max"], row["limit"]), (7207, 11, 0, 127))
        self.assertEqual((row["pid"], row["drops"], row["advice"]), (os.getpid(), 0, None))

    def test_before(self):
        """What was there at the start: only drops since then."""
        with contextlib.ExitStack() as stack:
            port, _, _ = self.full(stack, socket.AF_INET6)
            begun = dropped()
            with live("-o", "json", "-6") as weir:
                before = dropped()
                lib.wait_for(lambda: dropped() > before, "a SYN that comes again")
                time.sleep(0.5)
                least = dropped() - before
                row, = self.rows(weir.stop())
                self.assertTrue(least <= row["drops"] <= dropped() - begun, (least, row))
        self.assertEqual((row["pid"], row["address"], row["port"]), (os.getpid(), "::1", port))

    def test_record(self):
        with tempfile.NamedTemporaryFile() as file, contextlib.ExitStack() as stack:
            with live("--record", file.name) as weir:
                port, _, _ = self.full(stack)
                weir.stop()
            rows = [r for r in lib.weir("replay", file.name, "-o", "json").rows if r["report"] == "total"]
            self.assertEqual([(r["port"], r["accept_queue_max"]) for r in rows], [(port, BACKLOG + 1)])
            self.assertEqual(lib.weir("replay", file.name, "-o", "json", "--port", port + 1).rows, [])
            self.assertRegex(lib.weir("replay", file.name).out.decode(),
                             rf"(?m) 127\.0\.0\.1 +{port} +4 +4 +0 +0 +3 +\d+ accept faster; ")

    @unittest.skipUnless(lib.SLOW > 1, "a peer that sees the whole machine: emulated kernels only")
    def test_beside(self):
        """libbpf-tools' tcpsynbl tells of each handshake how long the queue was that it found."""
        peer = lib.Peer(self, "tcpsynbl")
        with live("-o", "json") as weir, contextlib.ExitStack() as stack:
            self.full(stack)
            row, = self.rows(weir.stop())
        out = peer.stop()
        limit, = re.findall(rb"(?m)^backlog_max = (\d+)$", out)
        found = [(int(low), int(high), int(n)) for low, high, n in
                 re.findall(rb"(?m)^ +(\d+) -> (\d+) +: (\d+) ", out)]
        self.assertEqual(row["limit"], int(limit))
        self.assertEqual(found[:2], [(0, 1, 2), (2, 3, 2)], out)  # those that found 0, 1, 2 and 3
        self.assertEqual(row["accept_queue_max"], BACKLOG + 1)

    @lib.once
    def test_bad_words(self):
        ended = lib.weir("tcpsynbl", "eth0")
        self.assertEqual((ended.status, ended.out), (2, b""))
        self.assertIn("takes no words", ended.words)


if __name__ == "__main__":
    lib.main()
