#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir latency: messages whose times are known, stage by stage, in prime numbers."""
import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

import drop_work
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

STAGES = ("call", "queue", "qdisc", "ack", "wait")
READER, HOLD, ACK, BLOCK = 53, 41, 37, 59  # ms that a reader sleeps, a cork holds, a peer and a full window take
SEGMENT = b"eleven byte"


def live(*argv):
    return lib.Live("-p", os.getpid(), *argv, tool="latency")


@contextlib.contextmanager
def pair(family=socket.AF_INET, **sizes):
    """The two ends of a connection of this process, that sends at once."""
    address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family) as listener, socket.socket(family) as sock:
        if "rcvbuf" in sizes:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, sizes["rcvbuf"])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sizes["sndbuf"])
        listener.bind((address, 0))
        listener.listen()
        sock.connect(listener.getsockname())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with listener.accept()[0] as other:
            yield sock, other


def talk(sock, other, n, ms):
    """So many messages, each of which is read after so long; the seconds that each took at most."""
    took = []
    for _ in range(n):
        start = time.monotonic()
        sock.send(SEGMENT)
        time.sleep(ms / 1000)
        assert other.recv(100) == SEGMENT
        took.append(time.monotonic() - start)
    return took


def retransmitted(sock):
    """How many segments this socket has sent again: tcpi_total_retrans, tcp(7)."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]


def acknowledged(sock):
    """Waits until all that was sent is."""
    lib.wait_for(lambda: not struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0], "the last acknowledgment")


class Latency(unittest.TestCase):
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
        self.assertIsNone(schema.wrong("latency", rows))
        self.assertEqual(lib.account(ended)[0], sum(r["messages"] for r in rows), ended.words)
        for row in rows:
            self.assertEqual(sum(b["count"] for b in row["histogram_us"]), row["messages"])
        return rows

    def stages(self, ended, **counts):
        """The rows by stage; of each stage so many messages."""
        rows = self.rows(ended)
        self.assertEqual({r["stage"]: r["messages"] for r in rows}, counts, ended)
        return {r["stage"]: r for r in rows}

    def lines(self, ended, n):
        self.assertEqual(ended.status, 0, ended)
        self.assertIsNone(schema.wrong("latency_message", ended.rows))
        self.assertEqual(lib.account(ended)[0], n, ended)
        self.assertEqual(len(ended.rows), n)
        return ended.rows

    def took(self, row, ms, key="p50_us"):
        """At least that; and on a machine that is busy with others, not much more."""
        self.assertGreaterEqual(row[key], ms * 1000 * (0.9375 if key == "p50_us" else 1), row)
        self.assertLess(row[key], (3 * ms + 60 * lib.SLOW) * 1000, row)

    def test_wait(self):
        """A reader that sleeps. The acknowledgments need not wait for it."""
        for family in (socket.AF_INET, socket.AF_INET6):
            with live("-o", "json") as weir, pair(family) as (sock, other):
                talk(sock, other, 17, READER)
                rows = self.stages(weir.stop(), call=17, queue=17, qdisc=17, ack=17, wait=17)
            self.took(rows["wait"], READER)
            self.assertEqual({r["pid"] for r in rows.values()}, {os.getpid()})
            for stage in ("call", "queue", "qdisc"):
                self.assertLess(rows[stage]["p50_us"], 1000 * READER / 4, rows[stage])

    def test_ack(self):
        """A peer that is made by hand acknowledges after a while; once so late that the message goes again."""
        peer = drop_work.Peer(self.wire, 21)
        with live("-o", "json") as weir, live("-o", "json", "--over", "300ms") as over:
            for i in range(1, 14):
                sent = time.monotonic()
                peer.sock.send(SEGMENT)
                time.sleep((ACK if i < 13 else 10 * ACK) / 1000)
                if i == 13:
                    lib.wait_for(lambda: retransmitted(peer.sock), "a segment to go again")
                peer.send(drop_work.ACK, ack=peer.ack + len(SEGMENT) * i)
                last = time.monotonic() - sent
                time.sleep(0.01)
            rows = self.stages(weir.stop(), call=13, queue=13, qdisc=13, ack=13)
            [line] = self.lines(over.stop(), 1)
        self.took(rows["ack"], ACK)
        self.assertGreaterEqual(rows["ack"]["max_us"], 10 * ACK * 1000)
        self.assertLess(rows["qdisc"]["max_us"], 1000 * ACK)
        self.assertGreaterEqual(line["again"], 1)
        self.assertEqual((line["pid"], line["bytes"], line["address"], line["port"], line["local_port"], line["error"]),
                         (os.getpid(), len(SEGMENT), drop_work.AWAY, 21, drop_work.OPEN + 21, None))
        self.assertEqual(line["wait_us"], None)
        self.assertGreaterEqual(line["ack_us"], 10 * ACK * 1000)
        self.assertLessEqual(line["ack_us"], last * 1e6)
        self.assertGreaterEqual(line["total_us"], line["ack_us"])

    def test_queue(self):
        """A cork holds what was sent, and a window that is closed what is more."""
        with live("-o", "json") as weir, pair() as (sock, other):
            for _ in range(11):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                sock.send(SEGMENT)
                time.sleep(HOLD / 1000)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
                self.assertEqual(other.recv(100), SEGMENT)
            rows = self.stages(weir.stop(), call=11, queue=11, qdisc=11, ack=11, wait=11)
        self.took(rows["queue"], HOLD)
        self.assertLess(rows["ack"]["p50_us"], 1000 * HOLD)

    def test_call(self):
        """A send that blocks, as the window is full until the reader wakes up."""
        size = 1 << 20
        with live("-o", "json", "--over", f"{BLOCK}ms") as weir, pair(rcvbuf=20000, sndbuf=20000) as (sock, other):
            def read():
                for _ in range(7):
                    time.sleep(BLOCK / 1000)
                    left = size
                    while left:
                        left -= len(other.recv(min(left, 65536)))
            reader = threading.Thread(target=read)
            reader.start()
            for _ in range(7):
                self.assertEqual(sock.send(b"x" * size), size)
            reader.join()
            acknowledged(sock)
            rows = [r for r in weir.stop().rows if r["call_us"] is not None]
        self.assertEqual([r["bytes"] for r in rows], [size] * 7)
        for row in rows[:1]:
            self.assertGreaterEqual(row["call_us"], 1000 * BLOCK * 0.9, row)

    def test_by(self):
        """Two connections, by each of the words."""
        bys = ("port", "local", "remote", "connection", "process", "all")
        with contextlib.ExitStack() as stack:
            weirs = [stack.enter_context(live("-o", "json", "--by", by)) for by in bys]
            with pair() as one, pair(socket.AF_INET6) as two:
                talk(*one, 5, 1)
                talk(*two, 3, 1)
                ports = {one[0].getsockname()[1]: 5, two[0].getsockname()[1]: 3}
                cookies = {sock.getsockopt(socket.SOL_SOCKET, 57, 8) for sock in (one[0], two[0])}
            port, local, remote, connection, process, every = [self.rows(w.stop()) for w in weirs]
        cookies = {int.from_bytes(c, sys.byteorder) for c in cookies}
        self.assertEqual({r["port"]: r["messages"] for r in port if r["stage"] == "wait"}, ports)
        self.assertEqual({r["local_port"]: r["messages"] for r in local if r["stage"] == "call"}, ports)
        for stage in STAGES:
            self.assertEqual({r["address"]: r["messages"] for r in remote if r["stage"] == stage}, {"127.0.0.1": 5, "::1": 3})
            for rows in (process, every):
                self.assertEqual([r["messages"] for r in rows if r["stage"] == stage], [8])
        self.assertEqual({r["cookie"] for r in connection if r["stage"] == "ack"}, cookies)
        self.assertEqual([r["stage"] for r in every], list(STAGES))

    def test_whose(self):
        """Both ends in processes of their own: neither is taken for the other, whoever runs when it happens."""
        code = ("import socket,sys,time\n"
                "s=socket.create_connection(('127.0.0.1',int(sys.argv[1])))\n"
                "for _ in range(101): s.send(b'x'*11); assert s.recv(1)\n")
        with lib.Live("-o", "json", "--netns", os.getpid(), tool="latency") as weir, socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            with subprocess.Popen([sys.executable, "-c", code, str(listener.getsockname()[1])]) as child:
                with listener.accept()[0] as sock:
                    for _ in range(101):
                        self.assertEqual(len(sock.recv(100)), 11)
                        sock.send(b"y")
                self.assertEqual(child.wait(), 0)
            rows = self.rows(weir.stop())
        self.assertEqual({(r["pid"], r["stage"]): r["messages"] for r in rows},
                         {(pid, stage): 101 for pid in (os.getpid(), child.pid) for stage in STAGES})

    def test_never(self):
        """Messages whose acknowledgment never comes, as the connection is reset: told when that is sure."""
        peer = drop_work.Peer(self.wire, 22)
        with live("-o", "json", "--over", "10ms") as weir:
            for _ in range(3):
                peer.sock.send(SEGMENT)
            time.sleep(0.02)
            peer.send(drop_work.ACK, ack=peer.ack + len(SEGMENT))
            time.sleep(0.02)
            peer.send(4, ack=peer.ack + len(SEGMENT))  # RST
            time.sleep(0.05)
            rows = self.lines(weir.stop(), 3)
        self.assertEqual([r["error"] for r in rows], [None, "EPIPE", "EPIPE"])
        self.assertEqual([r["ack_us"] is None for r in rows], [False, True, True])

    def test_half_closed(self):
        """The other side has said that it sends no more: what this one sends. And what comes to one that said so."""
        peer = drop_work.Peer(self.wire, 25)
        with live("-o", "json", "--stats") as weir, pair() as (sock, other):
            peer.send(drop_work.ACK | 1)  # FIN
            for i in range(1, 8):
                peer.sock.send(SEGMENT)
                time.sleep(ACK / 1000)
                peer.send(drop_work.ACK, seq=peer.seq + 1, ack=peer.ack + len(SEGMENT) * i)
                time.sleep(0.01)
            sock.shutdown(socket.SHUT_WR)
            time.sleep(0.02)
            talk(other, sock, 5, READER)
            peer.sock.close()
            time.sleep(0.05)
            ended = weir.stop()
        sure = not ended.stats["not_attached"]
        ended.out = b"".join(line + b"\n" for line in ended.out.splitlines()[:-1])
        rows = {r["stage"]: r for r in self.rows(ended)}
        self.assertEqual(rows["call"]["messages"], 12)
        self.assertEqual(rows["ack"]["messages"], 12)
        self.took(rows["ack"], ACK)
        if sure:
            self.assertEqual(rows["wait"]["messages"], 5)
            self.took(rows["wait"], READER)
        else:
            self.assertIn("half closed", ended.words)

    def test_bounds(self):
        """More messages than there is room for: what is not followed is counted as lost, what waits is all counted."""
        peer = drop_work.Peer(self.wire, 23)
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with live("-o", "json") as weir:
            for _ in range(101):
                peer.sock.send(SEGMENT)
            for i in range(1, 20):
                peer.send(drop_work.ACK, ack=peer.ack + min(101, 8 * i) * len(SEGMENT))
                time.sleep(0.01)
            for i in range(103):
                peer.send(drop_work.ACK, seq=peer.seq + 7 * i, ack=peer.ack + 101 * len(SEGMENT), payload=b"seven b")
            time.sleep(0.1)
            self.assertEqual(len(peer.sock.recv(10000)), 7 * 103)
            ended = weir.stop()
        self.stages(ended, call=101, queue=32, qdisc=32, ack=32, wait=103)
        self.assertEqual(lib.account(ended)[1], 101 - 32, ended.words)

    def test_unfinished(self):
        peer = drop_work.Peer(self.wire, 24)
        with live("-o", "json") as weir:
            for _ in range(5):
                peer.sock.send(SEGMENT)
            ended = weir.stop()
        self.stages(ended, call=5)
        self.assertIn("5 not finished", ended.words)

    def test_filters(self):
        with contextlib.ExitStack() as stack:
            with pair() as one, pair(socket.AF_INET6) as two:
                words = (("--port", one[0].getsockname()[1]), ("-6",), ("--host", "10.9.0.0/24"), ("--slower", "20ms"),
                         ("-c", "nobody"))
                weirs = [stack.enter_context(live("-o", "json", *w)) for w in words]
                late = sum(seconds > 0.02 for seconds in talk(*one, 7, 1))  # by a machine that is busy
                talk(*two, 5, 30)
                port, six, host, slower, comm = [self.rows(w.stop()) for w in weirs]
        self.assertEqual({(r["stage"], r["messages"]) for r in port}, {(s, 7) for s in STAGES})
        self.assertEqual({(r["stage"], r["messages"]) for r in six}, {(s, 5) for s in STAGES})
        self.assertEqual((host, comm), ([], []))
        [waited] = [r["messages"] for r in slower if r["stage"] == "wait"]
        self.assertTrue(5 <= waited <= 5 + late, (waited, late))

    def test_record(self):
        with tempfile.TemporaryDirectory() as folder:
            counts, lines = f"{folder}/counts", f"{folder}/lines"
            with live("--record", counts) as one, live("--record", lines, "--over", "20ms") as two, pair() as ends:
                talk(*ends, 13, 30)
                one.stop()
                two.stop()
            rows = self.stages(lib.weir("replay", counts, "-o", "json"), call=13, queue=13, qdisc=13, ack=13, wait=13)
            self.took(rows["wait"], 30)
            text = lib.weir("replay", counts).out.decode()
            self.assertRegex(text, r"(?m)^ +\d+ python3 +wait +13 +\d+ .*\n\[")
            refused = lib.weir("replay", counts, "--port", "1")
            self.assertIn("cannot be taken apart", refused.words)
            rows = lib.weir("replay", lines, "-o", "json").rows
            self.assertEqual(sum(r["wait_us"] is not None for r in rows), 13)
            self.assertEqual(lib.weir("replay", lines, "-p", 1, "-o", "json").rows, [])

    def qdisc(self, *words):
        if not drop_work.sh("tc qdisc add dev lo root", *words):
            self.skipTest(f"this kernel has no {words[0]}")
        self.addCleanup(drop_work.sh, "tc qdisc del dev lo root")

    @unittest.skipUnless(lib.SLOW > 1, "netem: emulated kernels only")
    def test_netem(self):
        """A device that holds each packet for 50 ms, that of the acknowledgment too."""
        with pair() as ends:
            self.qdisc("netem", "delay 50ms")
            with live("-o", "json") as weir:
                for _ in range(7):
                    ends[0].send(SEGMENT)
                    self.assertEqual(ends[1].recv(100), SEGMENT)
                time.sleep(1)
                rows = self.stages(weir.stop(), call=7, queue=7, qdisc=7, ack=7, wait=7)
        for stage in ("qdisc", "ack"):
            self.took(rows[stage], 50)

    def test_qdisc(self):
        """A device that lets out 20 000 bytes a second: some 11 * 1066 behind one another, less what may burst."""
        self.assertTrue(drop_work.sh("ip link set lo mtu 1500"))  # what is larger than the burst would be refused
        self.addCleanup(drop_work.sh, "ip link set lo mtu 65536")
        self.qdisc("tbf", "rate 160kbit burst 3000 latency 9s")
        for _ in range(5):
            with pair() as ends, live("-o", "json") as weir:
                for _ in range(11):
                    ends[0].send(b"x" * 1000)
                left = 11000
                while left:
                    left -= len(ends[1].recv(left))
                acknowledged(ends[0])
                rows = {r["stage"]: r for r in self.rows(weir.stop())}
            counts = {s: rows[s]["messages"] for s in STAGES[:4]}
            # Packets leave the device in the name of any task, and some kernels run no programs in that of some.
            if set(counts.values()) == {11}:
                break
        self.assertEqual(counts, {s: 11 for s in STAGES[:4]}, rows)
        waited = rows["qdisc"]["max_us"] + rows["queue"]["max_us"]
        self.assertGreater(waited, (11 * 1066 - 3000) / 20 * 1000 * 0.8, rows)
        self.assertGreater(rows["qdisc"]["max_us"], 100_000, rows)

    def test_bad_words(self):
        for words, said in ((("eth0",), "takes no words"), (("--by", "prot"), "did you mean port"),
                            (("--over", "soon"), "not 'soon'"), (("--over", "1ms", "--by", "port"), "exclude"),
                            (("--over", "1ms", "--slower", "1ms"), "exclude"), (("--by-name", "--by", "all"), "--by process")):
            ended = lib.weir("latency", *words)
            self.assertEqual((ended.status, ended.out), (2, b""), words)
            self.assertIn(said, ended.words)


if __name__ == "__main__":
    lib.main()
