#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir tcptop: the sums over all intervals are what the workload sent."""
import collections
import json
import os
import re
import socket
import sys
import tempfile
import threading
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

ME = [sys.executable, os.path.abspath(__file__)]
LONG, SHORT, TIMES = 100003, 1009, 13


def traffic():
    """A connection that stays and sends each time, and a short one beside it; another process receives."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(99)
    child = os.fork()
    if not child:
        def receive(sock):
            while sock.recv(1 << 20):
                pass
            sock.close()
        threads = []
        for _ in range(TIMES + 1):
            threads.append(threading.Thread(target=receive, args=(listener.accept()[0],)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        os._exit(0)
    with open(os.environ["TOLD"], "w") as told:
        json.dump([os.getpid(), child], told)
    listener_port = listener.getsockname()[1]
    listener.close()
    stays = socket.create_connection(("127.0.0.1", listener_port))
    for _ in range(TIMES):
        stays.sendall(b"x" * LONG)
        short = socket.create_connection(("127.0.0.1", listener_port))
        short.sendall(b"y" * SHORT)
        short.close()
        time.sleep(0.1)
    stays.close()
    os.waitpid(child, 0)


class Tcptop(unittest.TestCase):
    def tcptop(self, *options):
        def once():
            with tempfile.NamedTemporaryFile("r") as told:
                ended = lib.weir("tcptop", "-i", "0.2", *options, "--", *ME, "traffic", env={**os.environ, "TOLD": told.name})
                self.assertEqual(ended.status, 0, ended)
                ended.told = json.load(told)
            return ended

        ended = lib.in_full(once)
        return ended, ended.told

    def test_sums(self):
        """Of each connection and process, over all intervals, exactly what was sent."""
        ended, (client, server) = self.tcptop("-o", "json", "--stats")
        rows = ended.rows
        self.assertIsNone(schema.wrong("conn", rows))
        self.assertEqual(lib.lost(ended), {})
        sums = collections.Counter()
        for r in rows:
            sums[r["pid"], r["cookie"], "tx"] += r["interval_tx_bytes"]
            sums[r["pid"], r["cookie"], "rx"] += r["interval_rx_bytes"]
        for pid, way in ((client, "tx"), (server, "rx")):
            got = sorted(n for (p, _, w), n in sums.items() if p == pid and w == way)
            self.assertEqual(got, [SHORT] * TIMES + [LONG * TIMES])
        self.assertEqual(sum(sums.values()), 2 * TIMES * (LONG + SHORT))
        self.assertGreater(len({r["time"] for r in rows}), 3)
        last = {}
        for r in rows:  # what is told of an interval adds up to what is told of the whole
            last[r["cookie"]] = r["tx_bytes"]
        self.assertEqual(sum(last.values()), TIMES * (LONG + SHORT))

    def test_by_process(self):
        ended, (client, server) = self.tcptop("-o", "json", "--by", "process")
        self.assertIsNone(schema.wrong("conn_group", ended.rows))
        for pid, way in ((client, "tx_bytes"), (server, "rx_bytes")):
            self.assertEqual(sum(r[way] for r in ended.rows if r["pid"] == pid), TIMES * (LONG + SHORT))

    def test_before(self):
        """What a connection moved before weir is not of the first interval."""
        listener = socket.create_server(("127.0.0.1", 0))
        mine = socket.create_connection(listener.getsockname())
        other = listener.accept()[0]
        mine.sendall(b"x" * 7919)
        other.recv(7919, socket.MSG_WAITALL)
        with lib.Live("-o", "json", "-i", "0.2", "--netns", os.getpid(), tool="tcptop") as live:
            time.sleep(0.3 * lib.SLOW)
            mine.sendall(b"x" * 13)
            other.recv(13, socket.MSG_WAITALL)
            time.sleep(0.3 * lib.SLOW)
            mine.sendall(b"x" * 17)
            mine.close()
            other.recv(17, socket.MSG_WAITALL)
            other.close()
            ended = live.stop()
        self.assertEqual(sum(r["interval_tx_bytes"] for r in ended.rows), 30)
        self.assertEqual(sum(r["interval_rx_bytes"] for r in ended.rows), 30)
        self.assertEqual({r["pid"] for r in ended.rows}, {os.getpid()})

    @unittest.skipUnless(lib.SLOW > 1, "a peer that sees the whole machine: emulated kernels only")
    def test_beside(self):
        """libbpf-tools' tcptop, both ends of a connection: whole KiB, as that is what it tells."""
        peer = lib.Peer(self, "tcptop", "-C", "-S", "1")
        with socket.create_server(("127.0.0.1", 0)) as listener, \
                socket.create_connection(listener.getsockname()) as mine, listener.accept()[0] as other, \
                lib.Live("-o", "json", "-i", "1", tool="tcptop") as live:
            for _ in range(7):
                mine.sendall(b"x" * 11 * 1024)
                other.recv(11 * 1024, socket.MSG_WAITALL)
                time.sleep(0.3)
            other.sendall(b"y" * 13 * 1024)
            mine.recv(13 * 1024, socket.MSG_WAITALL)
            time.sleep(3)
            rows = live.stop().rows
        out = peer.stop()
        theirs, ours = collections.Counter(), collections.Counter()
        for pid, local, remote, rx, tx in re.findall(rb"(?m)^(\d+) +\S+ +\S+:(\d+) +\S+:(\d+) +(\d+) +(\d+)$", out):
            theirs[int(pid), int(local), int(remote), "rx"] += int(rx)
            theirs[int(pid), int(local), int(remote), "tx"] += int(tx)
        for r in rows:
            ours[r["pid"], r["local_port"], r["port"], "rx"] += r["interval_rx_bytes"] / 1024
            ours[r["pid"], r["local_port"], r["port"], "tx"] += r["interval_tx_bytes"] / 1024
        self.assertEqual(sorted(ours.values()), [13, 13, 77, 77])
        self.assertEqual(set(ours), set(theirs), out)
        for key, n in ours.items():  # what comes between its reading and its clearing of its table is lost there
            self.assertIn(n - theirs[key], (0, 11, 13), out)

    def test_text_and_limits(self):
        ended, _ = self.tcptop("--top", "1", "-n", "3")
        self.assertRegex(ended.lines[0], r"^ +TIME +PID COMM +LADDR +LPORT RADDR +RPORT +RX_KB +TX_KB$")
        self.assertLessEqual(len(ended.lines), 4)
        self.assertTrue(all(re.search(r" 127\.0\.0\.1 ", line) for line in ended.lines[1:]))

    def test_replay(self):
        with tempfile.NamedTemporaryFile() as record:
            self.tcptop("--record", record.name)
            rows = lib.weir("replay", record.name, "-o", "json").rows
            self.assertEqual(sum(r["interval_tx_bytes"] for r in rows), TIMES * (LONG + SHORT))
            one = lib.weir("replay", record.name, "-o", "json", "-n", "1").rows
            self.assertEqual(len({r["time"] for r in one}), 1)
            groups = lib.weir("replay", record.name, "-o", "json", "--by", "port").rows
            self.assertEqual(sum(r["rx_bytes"] for r in groups), TIMES * (LONG + SHORT))

    def test_refusals(self):
        for words in (["word"], ["--by", "proces"], ["--failed"], ["--by", "port", "--columns", "pid"]):
            ended = lib.weir("tcptop", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        traffic()
    else:
        lib.main()
