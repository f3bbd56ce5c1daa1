#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""The connection table on a network that fails: netem's faults, against what the programs and the kernel counted."""
import os
import socket
import sys
import threading
import time
import unittest

import lib
from drop_work import sh

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

TCP_SYNCNT, TCP_USER_TIMEOUT, TCP_INFO = 7, 18, 11
THERE, BACK = 299993, 104729  # bytes


def nstat(name):
    out = lib.run("nstat", "-asz", name).out.decode()
    return int(float(out.splitlines()[-1].split()[1]))


def read_all(sock, count):
    while count:
        count -= len(sock.recv(min(count, 65536)))


def both_ways(one, other):
    """Each side sends and reads, at the same time."""
    work = [threading.Thread(target=one.sendall, args=(b"x" * THERE,)), threading.Thread(target=read_all, args=(one, BACK)),
            threading.Thread(target=other.sendall, args=(b"y" * BACK,)), threading.Thread(target=read_all, args=(other, THERE))]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()


@unittest.skipUnless(lib.SLOW > 1, "netem: emulated kernels only")
class Faults(unittest.TestCase):
    maxDiff = 3000

    def setUp(self):
        if not sh("tc qdisc add dev lo root netem delay 1ms"):
            self.skipTest("this kernel has no netem")
        self.addCleanup(sh, "tc qdisc del dev lo root")
        # Segments of ordinary size, so that there are many to lose.
        self.assertTrue(sh("ip link set lo mtu 1500 gso_max_segs 1"))
        self.listener = socket.socket()
        self.addCleanup(self.listener.close)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()

    def netem(self, *words):
        self.assertTrue(sh("tc qdisc change dev lo root netem", *words))

    def tool(self, name, *words):
        return lib.Live("-o", "json", "--stats", "--netns", os.getpid(), *words, tool=name)

    def ends(self, weir, count):
        ended = weir.stop()
        self.assertEqual((ended.status, lib.lost(ended)), (0, {}), ended)
        self.assertIsNone(schema.wrong("conn", ended.rows))
        rows = [r for r in ended.rows if r["event"] == "closed" and r["state"] != "TCP_LISTEN"]
        self.assertEqual(len(rows), count, ended)
        return rows

    def exact(self, *fault, count=3):
        """Connections whose bytes both ways are known, and what the kernel counted of them."""
        before = nstat("TcpRetransSegs")
        with self.tool("tcplife") as weir, self.tool("conns") as changes:
            for _ in range(count):
                with socket.create_connection(self.listener.getsockname()) as one, self.listener.accept()[0] as other:
                    self.netem(*fault)
                    both_ways(one, other)
                    self.netem("delay", "1ms")
                    one.shutdown(socket.SHUT_WR)
                    other.recv(1)
            time.sleep(1)
            told = self.ends(weir, 2 * count), self.ends(changes, 2 * count)
        after = nstat("TcpRetransSegs")
        for rows in told:
            got = [(r["direction"], r["tx_bytes"], r["rx_bytes"], r["pid"], r["close"]) for r in rows]
            self.assertEqual(sorted(got), [("accepted", BACK, THERE, os.getpid(), "fin")] * count +
                             [("opened", THERE, BACK, os.getpid(), "fin")] * count)
            self.assertEqual(sum(r["retrans"] for r in rows), after - before)
        return told[0], after - before

    def test_loss(self):
        _, retrans = self.exact("delay", "3ms", "loss", "5%")
        self.assertGreater(retrans, 7)

    def test_duplicates(self):
        self.exact("delay", "1ms", "duplicate", "20%")

    def test_reorder(self):
        rows, _ = self.exact("delay", "5ms", "reorder", "70%", "50%")
        self.assertGreater(max(r["reordering"] for r in rows), 3)  # what TCP begins with

    def test_delay(self):
        self.netem("delay", "50ms")
        with self.tool("tcplife") as weir:
            with socket.create_connection(self.listener.getsockname()) as one, self.listener.accept()[0] as other:
                for _ in range(3):
                    one.send(b"x")
                    other.recv(1)
            time.sleep(1)
            rows = self.ends(weir, 2)
        opened, = [r for r in rows if r["direction"] == "opened"]
        self.assertGreaterEqual(opened["connect_ns"], 100_000_000)
        self.assertGreaterEqual(opened["rtt_us"], 100_000)
        self.assertLess(opened["rtt_us"], 400_000)

    def test_unreachable(self):
        """Nobody answers, from the beginning and from the middle on."""
        with self.tool("tcplife") as weir:
            with socket.create_connection(self.listener.getsockname()) as one, self.listener.accept()[0] as other:
                one.send(b"seven b")
                other.recv(7)
                time.sleep(0.2)
                self.netem("loss", "100%")
                with socket.socket() as lost:
                    lost.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, 1)
                    with self.assertRaises(TimeoutError):
                        lost.connect(self.listener.getsockname())
                one.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)
                one.send(b"eleven byte")
                with self.assertRaises(TimeoutError):
                    one.recv(1)
                other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            time.sleep(0.5)
            rows = self.ends(weir, 3)
        got = sorted((r["direction"], r["close"], r["error"], r["tx_bytes"], r["rx_bytes"], r["state"]) for r in rows)
        self.assertEqual(got, [("accepted", "reset", None, 0, 7, "TCP_ESTABLISHED"),
                               ("opened", "timeout", "ETIMEDOUT", 0, 0, "TCP_SYN_SENT"),
                               ("opened", "timeout", "ETIMEDOUT", 7, 0, "TCP_ESTABLISHED")])

    def test_reader_sleeps(self):
        """A window that is closed: what waits on both sides, as ss has it."""
        with socket.create_connection(self.listener.getsockname()) as one, self.listener.accept()[0] as other:
            one.setblocking(False)
            sent = 0
            while True:
                try:
                    sent += one.send(b"x" * 4096)
                except BlockingIOError:
                    time.sleep(0.5)
                    try:
                        sent += one.send(b"x" * 4096)
                    except BlockingIOError:
                        break
            time.sleep(1)
            ended = lib.weir("conns", "--once", "-o", "json", "--netns", os.getpid())
            self.assertEqual(ended.status, 0, ended)
            out = lib.run("ss", "-tnH", "state", "established").out.decode().split()
            rows = {r["local_port"]: r for r in ended.rows if r["state"] == "TCP_ESTABLISHED"}
            mine, accepted = rows[one.getsockname()[1]], rows[self.listener.getsockname()[1]]
            self.assertEqual(mine["send_queue"] + accepted["recv_queue"], sent)
            queues = {int(out[i + 2].rpartition(":")[2]): (int(out[i]), int(out[i + 1])) for i in range(0, len(out), 4)}
            for row in (mine, accepted):
                self.assertEqual((row["recv_queue"], row["send_queue"]), queues[row["local_port"]])
            self.assertGreater(accepted["recv_queue"], 10000)
            read_all(other, sent)


if __name__ == "__main__":
    lib.main()
