#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Peers of UDP's sockets in weir conns, against what the program did that talked with them."""
import collections
import os
import socket
import subprocess
import sys
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

QUERIES = 1511  # sockets, one after the other
MANY = 40009  # peers of one: there is room for 32768
EVERY_WAY = True


class Peers(unittest.TestCase):
    maxDiff = 3000

    def work(self, *argv):
        """What it did, by local port, remote address and port: datagrams and bytes sent, and received."""
        work = subprocess.Popen([lib.work("peers"), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        did = {}
        for line in iter(lambda: work.stdout.readline().strip(), "done"):
            self.assertIsNone(work.poll(), "the work failed")
            if line.startswith("reads"):
                self.reads = tuple(map(int, line.split()[1:]))
                continue
            port, address, peer, *numbers = line.split()
            did[int(port), address, int(peer)] = tuple(map(int, numbers))
        return work, did

    def end(self, work):
        work.communicate("\n", timeout=40)
        self.assertEqual(work.returncode, 0)

    def watched(self, *options):
        return lib.Live("-o", "json", "--stats", "--netns", os.getpid(), *options, tool="conns")

    def last(self, rows):
        """Of each socket and peer the last row: its totals."""
        return {(r["local_port"], r["address"], r["port"]):
                (r["datagrams_out"], r["tx_bytes"], r["datagrams_in"], r["rx_bytes"]) for r in rows if r["datagrams_out"] is not None}

    def compare(self, ended, did):
        got = self.last(ended.rows)
        if "skb_consume_udp" in ended.stats["probes"]:
            self.assertEqual(got, did)
            return
        # Tracepoints alone: whom it sends to is told, and of whom it receives where it is connected. What else it
        # receives is told of the socket. A datagram that was cut counts as far as it was read.
        joined = {key for key, numbers in did.items() if numbers[0] == numbers[2] == 13 and numbers[1] == 13 * 47}
        self.assertEqual(len(joined), 1)
        self.assertEqual({key: numbers[:2] for key, numbers in got.items() if numbers[0]},
                         {key: numbers[:2] for key, numbers in did.items() if numbers[0]})
        want = collections.Counter()
        for key, numbers in did.items():
            want[key if key in joined else (key[0], None, None)] += numbers[2]
        port, reads = self.reads  # of UDP_GRO: one that returns several is one there
        self.assertGreater(want[port, None, None], reads)
        want[port, None, None] = reads
        self.assertEqual({key: numbers[2] for key, numbers in got.items() if numbers[2]}, {key: n for key, n in want.items() if n})
        for key in joined:
            self.assertEqual(got[key], did[key])

    def test_closed(self):
        """Totals when the sockets are closed, with their owner and times."""
        with self.watched() as live:
            work, did = self.work()
            self.end(work)
            ended = live.stop()
        self.assertEqual(lib.lost(ended), {})
        self.assertIsNone(schema.wrong("conn", ended.rows))
        self.compare(ended, did)
        rows = [r for r in ended.rows if r["datagrams_out"] is not None]
        self.assertEqual({(r["pid"], r["comm"], r["protocol"]) for r in rows}, {(work.pid, "peers", "IPPROTO_UDP")})
        self.assertEqual({r["family"] for r in rows if r["address"]}, {"AF_INET", "AF_INET6"})
        for r in rows:
            self.assertLessEqual(r["idle_ns"], r["age_ns"], r)

    def test_there(self):
        """Of sockets that are there when weir ends: as it is then. The second time, nothing of before the start."""
        for first in (True, False):
            with self.watched() as live:
                if first:
                    work, did = self.work()
                ended = live.stop()
            self.assertEqual(lib.lost(ended), {})
            if first:
                self.compare(ended, did)
                self.assertIn("is", {r["event"] for r in ended.rows})
            else:
                self.assertEqual(self.last(ended.rows), {})
                self.assertGreaterEqual({r["local_port"] for r in ended.rows if r["event"] == "was"}, {key[0] for key in did})
        once = lib.weir("conns", "--once", "-o", "json", "--netns", os.getpid())
        self.assertEqual({r["local_port"] for r in once.rows if r["protocol"] == "IPPROTO_UDP"}, {key[0] for key in did})
        self.assertEqual({r["datagrams_out"] for r in once.rows}, {None})
        self.end(work)

    def test_filters(self):
        """By the peer's port, and by who it is."""
        with self.watched("-c", "nobody") as nobody, self.watched("-c", "peers") as mine, self.watched("-6") as six:
            work, did = self.work()
            self.end(work)
            nobody, mine, six = nobody.stop(), mine.stop(), six.stop()
        self.assertEqual(self.last(nobody.rows), {})
        self.compare(mine, did)
        got = {key: numbers for key, numbers in self.last(six.rows).items() if key[1]}
        self.assertEqual({key: numbers[:2] for key, numbers in got.items() if numbers[0]},
                         {key: numbers[:2] for key, numbers in did.items() if numbers[0] and key[1] == "::1"})

    def test_queries(self):
        """A socket for each query: one row each, and nothing that stays."""
        with self.watched() as live:
            work, _ = self.work(str(QUERIES))
            self.end(work)
            ended = live.stop()
        self.assertEqual(lib.lost(ended), {})
        rows = [r for r in ended.rows if r["event"] == "closed" and r["address"]]
        asks = [r for r in rows if r["tx_bytes"] % 37 == 0]  # the answers are of 61, some to a port that was used before
        self.assertEqual(collections.Counter((r["datagrams_out"], r["tx_bytes"]) for r in asks), {(1, 37): QUERIES})
        answers = [(r["datagrams_out"], r["tx_bytes"]) for r in rows if r not in asks]
        self.assertEqual([sum(numbers) for numbers in zip(*answers)], [QUERIES, 61 * QUERIES])

    @lib.once
    def test_full(self):
        """More peers than there is room for: each is told, or counted as lost."""
        with self.watched() as live:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for port in range(1, MANY + 1):
                    sock.sendto(b"x" * 7, ("127.0.0.1", port))
            ended = live.stop()
        told = {r["port"]: (r["datagrams_out"], r["tx_bytes"]) for r in ended.rows if r["event"] == "closed" and r["address"]}
        self.assertEqual(set(told.values()), {(1, 7)})
        self.assertEqual(set(lib.lost(ended)), {"map_full"})
        self.assertEqual(len(told) + lib.lost(ended)["map_full"], MANY)

    def test_none(self):
        """Where nothing of UDP can be told, no datagram is looked at."""
        with self.watched("--failed") as live:
            ended = live.stop()
        self.assertEqual(set(ended.stats["probes"]), {"inet_sock_set_state", "tcp_destroy_sock", "kfree_skb"})
        ended = lib.weir("tcplife", "-d", "0.1", "--stats", "-o", "json")
        self.assertFalse(set(ended.stats["probes"]) & {"skb_consume_udp", "sock_recv_length", "ip_send_skb", "net_dev_queue"})


if __name__ == "__main__":
    lib.main()
