#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
More connections at once than the connection table has room for: those that find none are kept with their sockets, and
each is told once, with its owner. Only by name, with so many connections: WEIR_TEST_CROWD=16411, or 163841: ten times the room.
Under emulation the latter takes too long, but of a build whose CONN_FAST is 1024: WEIR_TEST_ROOM=1024 WEIR_TEST_CROWD=5147.
And as many one after the other as you like, which leave nothing behind: WEIR_TEST_SHORT=1000003.
"""
import collections
import os
import pathlib
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

import lib

ME = [sys.executable, os.path.abspath(__file__)]
MANY = int(os.environ.get("WEIR_TEST_CROWD") or 0)  # connections: two sockets each
SHORT = int(os.environ.get("WEIR_TEST_SHORT") or 10007)
EACH = 4111  # at most in one process: the kernel finds a free port faster
ROOM = int(os.environ.get("WEIR_TEST_ROOM") or 32768)  # CONN_FAST of kernel/table_state.bpf.h
HOST_ONLY = True  # too much memory for a small machine


def serve(listener, count):
    """Accepts all, and closes them when the other side has."""
    socks = [listener.accept()[0] for _ in range(count)]
    for sock in socks:
        sock.recv(1)
        sock.close()


def connect(to, count, open_, go):
    socks = [socket.create_connection(to) for _ in range(count)]
    os.write(open_, b"x")
    select.select([go], [], [])
    for sock in socks:
        sock.close()


def crowd(count):
    """Pairs of processes with so many connections between them. Tells who, says that all are there, waits for a line."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    is_open, open_ = os.pipe()
    go, gone = os.pipe()
    told, children = [], []
    while count:
        n = min(count, EACH)
        count -= n
        with socket.socket() as listener:
            listener.bind((f"127.0.1.{len(told) + 1}", 0))
            listener.listen(4096)
            pids = []
            for work in (lambda: serve(listener, n), lambda: connect(listener.getsockname(), n, open_, go)):
                pids.append(os.fork())
                if not pids[-1]:
                    os.close(gone)
                    try:
                        work()
                        os._exit(0)
                    finally:
                        os._exit(1)
            told.append((*listener.getsockname(), *pids, n))
        children += pids
    for _ in told:
        os.read(is_open, 1)
    for line in told:
        print(*line, flush=True)
    print("open", flush=True)
    sys.stdin.readline()
    os.close(gone)
    sys.exit(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))


def short(count):
    """Connections that are reset, so that nothing of them waits."""
    reset = struct.pack("ii", 1, 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(count):
            with socket.create_connection(listener.getsockname()) as mine:
                listener.accept()[0].close()
                mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)


class Short(unittest.TestCase):
    def held(self, weir):
        """KiB of its own, and bytes of the maps that it has."""
        process = pathlib.Path("/proc", str(weir.pid))
        maps = {}
        for info in (process / "fdinfo").iterdir():
            found = dict(re.findall(r"(?m)^(map_id|memlock):\s+(\d+)$", info.read_text()))
            if "map_id" in found:
                maps[found["map_id"]] = int(found["memlock"])
        return int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1]), sum(maps.values())

    def test_short(self):
        with lib.Live("--stats", "--netns", os.getpid(), tool="tcplife") as life, \
             lib.Live("--stats", "--netns", os.getpid(), tool="conns") as conns:
            short(1009)
            time.sleep(1)
            before = [self.held(weir) for weir in (life, conns)]
            short(SHORT)
            time.sleep(1)
            after = [self.held(weir) for weir in (life, conns)]
            ended = [weir.stop() for weir in (life, conns)]
        for weir, (own, maps), (own_after, maps_after) in zip(ended, before, after):
            # Of many one may come while the kernel runs that program on the processor: it is counted.
            self.assertEqual((weir.status, set(lib.lost(weir)) - {"missed"}), (0, set()), weir.words)
            self.assertEqual(maps_after, maps)
            self.assertLess(own_after - own, 512)  # KiB
        told, missed = len(ended[0].lines) - 2, lib.lost(ended[0]).get("missed", 0)  # heading and account
        self.assertEqual(told + missed, 2 * (1009 + SHORT))
        self.assertLessEqual(missed, SHORT // 10000)
        print(f"{SHORT} connections: KiB and map bytes before {before}, after {after}", file=sys.stderr)


@unittest.skipUnless(MANY, "by name only: WEIR_TEST_CROWD=16411")
class Crowded(unittest.TestCase):
    def want(self, lines):
        """How many connections of which process, by direction and the address of the listener."""
        want = collections.Counter()
        for line in lines:
            address, port, server, client, n = line.split()
            want["accepted", address, int(port), int(server)] = int(n)
            want["opened", address, int(port), int(client)] = int(n)
        return want

    def got(self, rows):
        got = collections.Counter()
        for r in rows:
            ends = ("local_address", "local_port") if r["direction"] == "accepted" else ("address", "port")
            got[r["direction"], r[ends[0]], r[ends[1]], r["pid"]] += 1
        return got

    def test_all(self):
        limit = int(re.search(r"Max open files +\d+ +(\d+)", pathlib.Path("/proc/self/limits").read_text())[1])
        if limit < EACH + 100:
            self.skipTest(f"a process may open {limit} files only")
        self.assertGreater(2 * MANY, ROOM)
        with lib.Live("-o", "json", "--stats", "--netns", os.getpid(), "--ring", str(max(65536, 2 * MANY)), tool="tcplife") as weir, \
             subprocess.Popen([*ME, "crowd", str(MANY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as work:
            lines = list(iter(lambda: work.stdout.readline().strip(), "open"))
            want = self.want(lines)
            start = time.monotonic()
            snapshot = lib.weir("conns", "--once", "-o", "json", "--netns", os.getpid(), "--stats")
            took = time.monotonic() - start
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of all children until now
            work.communicate("\n", timeout=100 * lib.SLOW)
            self.assertEqual(work.returncode, 0)
            lib.wait_for(lambda: not lib.run("ss", "-tnH", "state", "connected", "exclude", "time-wait").out, "all to end", 60)
            ended = weir.stop()
        self.assertEqual((snapshot.status, lib.lost(snapshot)), (0, {}), snapshot)
        self.assertLess(most, 64)  # with as many records it would be 130 MiB and more
        self.assertEqual(self.got(r for r in snapshot.rows if r["state"] == "TCP_ESTABLISHED"), want)
        got = self.got(ended.rows)
        # Some kernels run no program in the name of some tasks: of what is not told it is told how many that are.
        self.assertEqual((ended.status, dict(got - want)), (0, {}), ended.words)
        missing = sum((want - got).values())
        # Where none ran at its beginning either, nobody knows that it was there. How often that happens, those tell whose
        # beginning was missed and whose end was not: they look older than weir.
        late = sum(r["since"] == "before" for r in ended.rows)
        print(f"{late} beginnings missed, of {len(ended.rows)}; {missing} ends, told {lib.lost(ended)}", file=sys.stderr)
        unknown = missing - lib.lost(ended).get("missed", 0)
        self.assertEqual(set(lib.lost(ended)) - {"missed"}, set(), ended.words)
        self.assertGreaterEqual(unknown, 0, ended.words)
        self.assertLessEqual(unknown, 3 + 3 * late * missing // len(ended.rows) if late else 0, ended.words)
        self.assertEqual(len({r["cookie"] for r in ended.rows}) + missing, 2 * MANY)
        print(f"{2 * MANY} sockets at once, listed in {took:.2f} s and {most:.0f} MiB, {missing} ends missed", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["crowd"]:
        crowd(int(sys.argv[2]))
    lib.main()
